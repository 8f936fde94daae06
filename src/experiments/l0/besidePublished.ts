import { percent, type ResultRow } from '../resultRow.js';
import type { L0Result } from './l0Result.js';
import { publishedResults } from './publishedResults.js';

/**
 * The L0 project's table and ours, one row a published run: "theirs / ours", and a dash for a run that `results` lack. The two
 * sparsities side by side are by the project's own count.
 */
export function besidePublished(results: readonly L0Result[]): ResultRow[] {
  return publishedResults.map(({ run, ...published }) => {
    const ours = results.find((result) => result.run === run);
    const pair = (theirs: number, own?: number | null): string =>
      `${percent(theirs)} / ${own == null ? '–' : percent(own)}`;
    return {
      run,
      'validation, %': pair(published.validation, ours?.validation),
      'test, %': pair(published.test, ours?.test),
      'sparsity, published count, %': pair(published.sparsity, ours?.seedSparsity),
      'sparsity, complete, %': ours ? percent(ours.sparsity) : null,
      parameters: ours?.parameters ?? null,
      'million multiply-adds': ours ? Number((ours.multiplyAdds / 1e6).toFixed(2)) : null,
    };
  });
}
