import { hasTag, joined, type Notebook } from '../run/index.js';
import { readParameters } from '../run/parameters.js';

/** One setting of a notebook: its value in this run, and the notebook's own value where the run changed it. */
export interface ShownParameter {
  name: string;
  value: string;
  changedFrom?: string;
  /** What the notebook says about it. */
  comment: string;
}

/** The settings that cells tagged `parameters` declare, with the values that `injected-parameters` put in their place. */
export function shownParameters(notebook: Notebook): ShownParameter[] {
  const found = new Map<string, ShownParameter>();
  for (const tag of ['parameters', 'injected-parameters']) {
    for (const cell of notebook.cells.filter((candidate) => hasTag(candidate, tag))) {
      for (const { name, value: literal, comment } of readParameters(joined(cell.source))) {
        const value = literal === undefined ? 'computed' : JSON.stringify(literal);
        const earlier = found.get(name);
        const changed = earlier && earlier.value !== value ? { changedFrom: earlier.value } : {};
        found.set(name, { name, value, comment: earlier?.comment || comment, ...changed });
      }
    }
  }
  return [...found.values()];
}
