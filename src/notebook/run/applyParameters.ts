import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.js';
import { hasTag, joined, lines, newCell, type Notebook } from './notebook.js';
import { type GivenValue, injectParameter, type ParameterValue, readParameters } from './parameters.js';
import { parseParameter } from './parseParameter.js';

/** What a run was given, and what the notebook says by itself. */
export interface AppliedParameters {
  given: Record<string, ParameterValue>;
  defaults: Record<string, ParameterValue>;
}

const INJECTED = 'injected-parameters';

/**
 * Puts parameters into a notebook by papermill's conventions: a cell tagged `injected-parameters` after the one tagged
 * `parameters`, in place of an earlier one. It is the parameters cell with these values, so that what this computes from them
 * is computed again. Throws UserError for a name that the notebook does not have (offering the nearest), and for a value that
 * it rules out.
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
  for (const name of names) {
    const parameter = parameters.findLast((candidate) => candidate.name === name);
    if (!parameter) {
      const offer = known.length > 0 ? `; did you mean '${closest(name, known)}'? There are: ${known.join(', ')}` : '';
      throw new UserError(`the notebook has no parameter '${name}'${offer}`);
    }
    values[name] = parseParameter(parameter, given[name]);
  }
  if (names.length > 0) {
    const changed = names.reduce((text, name) => injectParameter(text, name, values[name]), source);
    const text = `// Parameters of this run\n\n${changed}`;
    const metadata = { tags: [INJECTED] };
    notebook.cells.splice(index + 1, 0, newCell('code', { id: INJECTED, metadata, source: lines(text) }));
  }
  const literals = parameters.filter((parameter) => parameter.value !== undefined);
  return {
    given: values,
    defaults: Object.fromEntries(literals.map(({ name, value }) => [name, value as ParameterValue])),
  };
}
