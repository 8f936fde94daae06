import { closest } from 'fastest-levenshtein';
import { UserError } from '../../../errors.js';
import { hasTag, joined, lines, type CodeCell, type Notebook } from '../notebook.js';
import type { Parameter, ParameterValue } from './parameter.js';
import { parseParameter } from './parseParameter.js';
import { readParameters } from './readParameters.js';

/** What a run was given, and what the notebook says by itself. */
export interface AppliedParameters {
  given: Record<string, ParameterValue>;
  defaults: Record<string, ParameterValue>;
}

const INJECTED = 'injected-parameters';

function declaration(parameter: Parameter, value: ParameterValue): string {
  // A literal union such as 'a' | 'b' keeps its type only through its annotation.
  const type = parameter.annotation === undefined ? '' : `: ${parameter.annotation}`;
  return `${parameter.keyword} ${parameter.name}${type} = ${JSON.stringify(value)};`;
}

function injectedCell(source: string): CodeCell {
  return {
    cell_type: 'code',
    id: INJECTED,
    metadata: { tags: [INJECTED] },
    source: lines(source),
    execution_count: null,
    outputs: [],
  };
}

/**
 * Puts parameters into a notebook by papermill's conventions: a cell tagged `injected-parameters` after the one tagged
 * `parameters`, in place of an earlier one. Without parameters an earlier one goes, so that the notebook's own values
 * hold. Throws UserError for a name the notebook does not have (offering the nearest) and for a value of another type.
 */
export function applyParameters(notebook: Notebook, given: Record<string, string | ParameterValue>): AppliedParameters {
  notebook.cells = notebook.cells.filter((cell) => !hasTag(cell, INJECTED));
  const index = notebook.cells.findIndex((cell) => cell.cell_type === 'code' && hasTag(cell, 'parameters'));
  const names = Object.keys(given);
  if (names.length === 0 && index < 0) return { given: {}, defaults: {} };
  if (index < 0) {
    throw new UserError(`'${names[0]}' cannot be set: no code cell of the notebook carries the tag "parameters"`);
  }
  const parameters = readParameters(joined(notebook.cells[index].source));
  const known = parameters.map((parameter) => parameter.name);
  const values: AppliedParameters['given'] = {};
  const declarations = names.map((name) => {
    const parameter = parameters.find((candidate) => candidate.name === name);
    if (!parameter) {
      const offer = known.length > 0 ? `; did you mean '${closest(name, known)}'? There are: ${known.join(', ')}` : '';
      throw new UserError(`the notebook has no parameter '${name}'${offer}`);
    }
    values[name] = parseParameter(parameter, given[name]);
    return declaration(parameter, values[name]);
  });
  if (names.length > 0) {
    notebook.cells.splice(index + 1, 0, injectedCell(`// Parameters of this run\n${declarations.join('\n')}`));
  }
  const literals = parameters.filter((parameter) => parameter.value !== undefined);
  return {
    given: values,
    defaults: Object.fromEntries(literals.map(({ name, value }) => [name, value as ParameterValue])),
  };
}
