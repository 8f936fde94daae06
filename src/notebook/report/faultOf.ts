import { hasTag, isObject, joined, sourceHash, type Cell, type Metadata } from '../run/index.js';

/** What speaks against a cell's saved outputs. */
export type Fault = 'stale' | 'missing' | 'failed';

/**
 * What speaks against a cell's saved outputs: `stale`, its source has changed since it was run; `missing`, it was not run;
 * `failed`, it ended in an error. Undefined for cells that are not meant to run, and for those that something else than the
 * headless runner executed, since without its hash nothing can be known.
 */
export function faultOf(cell: Cell): Fault | undefined {
  if (cell.cell_type !== 'code' || !joined(cell.source).trim() || hasTag(cell, 'skip-execution')) return undefined;
  // A hash alone says nothing: a run that stopped early leaves those of the run before it.
  if (cell.outputs.length === 0 && cell.execution_count === null) return 'missing';
  const noted = (cell.metadata.sparsebook as Metadata | undefined)?.sourceHash;
  if (typeof noted === 'string' && noted !== sourceHash(cell.source)) return 'stale';
  const failed = cell.outputs.some((output: unknown) => isObject(output) && output.output_type === 'error');
  return failed && !hasTag(cell, 'raises-exception') ? 'failed' : undefined;
}
