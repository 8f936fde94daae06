import { createHash } from 'node:crypto';
import { joined, type Cell } from './notebook.js';

/** What the runner notes down on each cell it executes: the SHA-256 of the source, in hexadecimal. */
export function sourceHash(source: string): string {
  return createHash('sha256').update(source).digest('hex');
}

/**
 * Whether a cell's saved outputs belong to its source: `stale` when the source has changed since it was run, `missing`
 * when it was never run, `failed` when it ended in an error. Cells that are not meant to run are `fresh`, as are those
 * that something else than the runner executed, since nothing speaks against them.
 */
export function freshness(cell: Cell): 'fresh' | 'stale' | 'missing' | 'failed' {
  const source = joined(cell.source);
  const tags = cell.metadata.tags ?? [];
  if (cell.cell_type !== 'code' || !source.trim() || tags.includes('skip-execution')) return 'fresh';
  const outputs = cell.outputs ?? [];
  // A hash alone says nothing: a run that stopped early leaves those of the run before it.
  if (outputs.length === 0 && cell.execution_count == null) return 'missing';
  const noted = cell.metadata.sparsebook?.sourceHash;
  if (typeof noted === 'string' && noted !== sourceHash(source)) return 'stale';
  const failed = outputs.some(({ output_type }) => output_type === 'error');
  return failed && !tags.includes('raises-exception') ? 'failed' : 'fresh';
}
