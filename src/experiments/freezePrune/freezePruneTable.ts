import { percent, type ResultRow } from '../resultRow.js';
import type { FreezePruneRecord } from './freezePruneSweep.js';

/** The rows of the table of tasks: means over runs that differ in nothing but their seed, with the lowest and the highest. */
export function freezePruneTable(records: readonly FreezePruneRecord[]): ResultRow[] {
  const groups = new Map<string, FreezePruneRecord[]>();
  for (const record of records) {
    const name = `${record.task} of ${record.start}`;
    groups.set(name, [...(groups.get(name) ?? []), record]);
  }
  return [...groups.values()].map((runs) => {
    const tests = runs.map(({ test }) => test);
    const mean = (of: 'validation' | 'test' | 'sparsity'): number =>
      percent(runs.reduce((sum, run) => sum + run[of], 0) / runs.length);
    return {
      task: runs[0].task,
      'starts from': runs[0].start,
      'validation, %': mean('validation'),
      'test, %': mean('test'),
      ...(records.length > groups.size && {
        'lowest to highest test, %': `${percent(Math.min(...tests))} to ${percent(Math.max(...tests))}`,
      }),
      'zero weights, %': mean('sparsity'),
      runs: runs.length,
    };
  });
}
