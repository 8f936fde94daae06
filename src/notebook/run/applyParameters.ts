import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.js';
import { statementsIn } from './cellNames.js';
import { dependents, namesOf } from './dependents.js';
import { hasTag, joined, lines, newCell, type Notebook } from './notebook.js';
import { type GivenValue, type Parameter, type ParameterValue, readParameters } from './parameters.js';
import { parseParameter } from './parseParameter.js';
import { isSameType, typeOfExample } from './valueTypes.js';

/** What a run was given, and what the notebook says by itself. */
export interface AppliedParameters {
  given: Record<string, ParameterValue>;
  defaults: Record<string, ParameterValue>;
}

const INJECTED = 'injected-parameters';

/**
 * The declaration of a parameter with another value. Its type stays the one that the notebook names. Where it names none,
 * `const backend = 'auto'` has the type 'auto', and what compiles with it (a comparison with 'auto', a call that takes 'auto' or
 * 'cpu') need compile with neither 'cpu' nor string: any.
 */
function declaration({ name, keyword, type, narrow, value: usual }: Parameter, value: ParameterValue): string {
  const written = JSON.stringify(value);
  // Not `: type`, by which the compiler would go on from the value alone.
  if (type !== undefined) return `${keyword} ${name} = ${written} as ${type};`;
  const keepsType = !narrow && isSameType(typeOfExample(value), typeOfExample(usual ?? null));
  return `${keyword} ${name}${keepsType ? '' : ': any'} = ${written};`;
}

/** The statements of a parameters cell that depend on given names; what gives these another value itself is left out. */
function computedFrom(source: string, names: string[]): string[] {
  const statements = statementsIn(source);
  const own = statements.filter(
    ({ assigns, mutates }) => !names.some((name) => assigns.has(name) || mutates.has(name)),
  );
  return dependents(own, names, namesOf(statements)).map((statement) => statement.source);
}

/**
 * Puts parameters into a notebook by papermill's conventions: a cell tagged `injected-parameters` after the one tagged
 * `parameters`, in place of an earlier one, with what the parameters cell computes from them. Throws UserError for a
 * name that the notebook does not have (offering the nearest), and for a value that it rules out.
 */
export function applyParameters(notebook: Notebook, given: Record<string, GivenValue>): AppliedParameters {
  notebook.cells = notebook.cells.filter((cell) => !hasTag(cell, INJECTED));
  const index = notebook.cells.findIndex((cell) => cell.cell_type === 'code' && hasTag(cell, 'parameters'));
  const names = Object.keys(given);
  if (names.length === 0 && index < 0) return { given: {}, defaults: {} };
  if (index < 0) {
    throw new UserError(`'${names[0]}' cannot be set: no code cell of the notebook carries the tag "parameters"`);
  }
  const source = joined(notebook.cells[index].source);
  const parameters = readParameters(source);
  const known = parameters.map((parameter) => parameter.name);
  const values: AppliedParameters['given'] = {};
  const declarations = names.map((name) => {
    const parameter = parameters.findLast((candidate) => candidate.name === name);
    if (!parameter) {
      const offer = known.length > 0 ? `; did you mean '${closest(name, known)}'? There are: ${known.join(', ')}` : '';
      throw new UserError(`the notebook has no parameter '${name}'${offer}`);
    }
    values[name] = parseParameter(parameter, given[name]);
    return declaration(parameter, values[name]);
  });
  if (names.length > 0) {
    const computed = computedFrom(source, names);
    const text = ['// Parameters of this run', ...declarations, ...computed].join('\n');
    const metadata = { tags: [INJECTED] };
    notebook.cells.splice(index + 1, 0, newCell('code', { id: INJECTED, metadata, source: lines(text) }));
  }
  const literals = parameters.filter((parameter) => parameter.value !== undefined);
  return {
    given: values,
    defaults: Object.fromEntries(literals.map(({ name, value }) => [name, value as ParameterValue])),
  };
}
