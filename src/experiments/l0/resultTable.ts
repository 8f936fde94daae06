import { percent, type ResultRow } from '../resultRow.js';
import type { L0Result } from './l0Result.js';

/** The rows of the table of accuracy against sparsity; shares become percent. */
export function resultTable(results: readonly L0Result[]): ResultRow[] {
  return results.map((result) => ({
    run: result.run,
    'validation, %': percent(result.validation),
    'test, %': percent(result.test),
    'sparsity, published count, %': result.seedSparsity === null ? null : percent(result.seedSparsity),
    'sparsity, complete, %': percent(result.sparsity),
    parameters: result.parameters,
    'million multiply-adds': Number((result.multiplyAdds / 1e6).toFixed(2)),
    'closed gates': result.gates === 0 ? null : `${result.closedGates} of ${result.gates}`,
    epochs: result.epochs,
  }));
}
