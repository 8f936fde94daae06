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
      const found: Declaration[] = [];
      parts.forEach((part, index) => {
        const text = source.slice(part.from, part.to);
        if (part.name === 'VariableDefinition')
          found.push({ name: text, keyword: keyword.name as Parameter['keyword'] });
        else if (part.name === 'TypeAnnotation' && parts[index - 1].name === 'VariableDefinition') {
          found[found.length - 1].annotation = part;
        } else if (part.name === 'Equals' && !parts[index - 1].name.endsWith('Pattern')) {
          found[found.length - 1].initializer = parts[index + 1];
        }
      });
      return found;
    });
}
