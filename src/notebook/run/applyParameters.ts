import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.js';
import { type Cell, hasTag, joined, lines, newCell, type Notebook } from './notebook.js';
import { type GivenValue, injectParameter, type ParameterValue, parametersOf } from './parameters.js';
import { parseParameter } from './parseParameter.js';

/** What a run was given, and what the notebook says by itself. */
export interface AppliedParameters {
  given: Record<string, ParameterValue>;
  defaults: Record<string, ParameterValue>;
}

const INJECTED = 'injected-parameters';

/**
 * Puts parameters into a notebook by papermill's conventions: behind a cell tagged `parameters` one tagged
 * `injected-parameters`, in place of an earlier one. It is the same cell with the given values, so that what it computes from
 * them is computed again. Throws UserError for a name that the notebook does not have (offering the nearest), and for a
 * value that it rules out.
 */
export function applyParameters(notebook: Notebook, given: Record<string, GivenValue>): AppliedParameters {
  const cells = notebook.cells.filter((cell) => !hasTag(cell, INJECTED));
  const parameters = parametersOf(cells);
  const known = parameters.map(({ name }) => name);
  const values: AppliedParameters['given'] = {};
  const changed = new Map<string, string[]>();
  for (const name of Object.keys(given)) {
    const parameter = parameters.find((candidate) => candidate.name === name);
    if (!parameter) throw noParameter(name, known, cells);
    values[name] = parseParameter(parameter, given[name]);
    changed.set(parameter.cell, [...(changed.get(parameter.cell) ?? []), name]);
  }
  const ids = [...changed.keys()];
  notebook.cells = cells.flatMap((cell) => {
    const names = changed.get(cell.id);
    if (!names) return [cell];
    const source = names.reduce((text, name) => injectParameter(text, name, values[name]), joined(cell.source));
    const nth = ids.indexOf(cell.id) + 1;
    const injected = newCell('code', {
      id: nth === 1 ? INJECTED : `${INJECTED}-${nth}`,
      metadata: { tags: [INJECTED] },
      source: lines(`// Parameters of this run\n\n${source}`),
    });
    return [cell, injected];
  });
  const literals = parameters.filter((parameter) => parameter.value !== undefined);
  return {
    given: values,
    defaults: Object.fromEntries(literals.map(({ name, value }) => [name, value as ParameterValue])),
  };
}

function noParameter(name: string, known: string[], cells: Cell[]): UserError {
  if (!cells.some((cell) => cell.cell_type === 'code' && hasTag(cell, 'parameters'))) {
    return new UserError(`'${name}' cannot be set: no code cell of the notebook carries the tag "parameters"`);
  }
  const offer = known.length > 0 ? `; did you mean '${closest(name, known)}'? There are: ${known.join(', ')}` : '';
  return new UserError(`the notebook has no parameter '${name}'${offer}`);
}
