import { percent, type ResultRow } from '../resultRow.js';
import type { L0Result } from './l0Result.js';
import { publishedResults } from './publishedResults.js';

/**
 * The L0 project's table with ours beside it, one row a published run; a run that `results` lack is empty on our side. The
 * two sparsities side by side are by the project's own count.
 */
export function besidePublished(results: readonly L0Result[]): ResultRow[] {
  return publishedResults.map((published) => {
    const ours = results.find(({ run }) => run === published.run);
    const share = (value: number | null | undefined): number | null => (value == null ? null : percent(value));
    return {
      run: published.run,
      'validation, %: published': percent(published.validation),
      'validation, %: here': share(ours?.validation),
      'test, %: published': percent(published.test),
      'test, %: here': share(ours?.test),
      'sparsity, %: published': percent(published.sparsity),
      'sparsity, %: here': share(ours?.seedSparsity),
      'complete count, %: here': share(ours?.sparsity),
      parameters: ours?.parameters ?? null,
      'million multiply-adds': ours ? Number((ours.multiplyAdds / 1e6).toFixed(2)) : null,
    };
  });
}
