import { childrenOf, parse, statementsOf, type SyntaxNode } from '../syntax.js';
import type { Parameter } from './parameter.js';

/** A name that a cell declares, with the syntax of what is declared. */
export interface Declaration {
  name: string;
  keyword: Parameter['keyword'];
  annotation?: SyntaxNode;
  initializer?: SyntaxNode;
}

/** The variables that a cell declares, those of patterns left out. */
export function declarations(source: string): Declaration[] {
  return statementsOf(parse(source))
    .filter(({ name }) => name === 'VariableDeclaration')
    .flatMap((statement) => {
      const [keyword, ...parts] = childrenOf(statement);
      return parts.flatMap((part, index): Declaration[] => {
        if (part.name !== 'VariableDefinition') return [];
        const annotated = parts[index + 1]?.name === 'TypeAnnotation';
        const equals = index + (annotated ? 2 : 1);
        return [
          {
            name: source.slice(part.from, part.to),
            keyword: keyword.name as Parameter['keyword'],
            annotation: annotated ? parts[index + 1] : undefined,
            initializer: parts[equals]?.name === 'Equals' ? parts[equals + 1] : undefined,
          },
        ];
      });
    });
}
