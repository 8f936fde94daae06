import { measuredRow } from '../measuredRow.js';
import { percent, type ResultRow } from '../resultRow.js';
import type { FreezePruneRun } from './freezePruneRun.js';

/** Measures a trained run, with the share of kernel entries that are exactly 0. */
export async function freezePruneResult(run: FreezePruneRun, signal?: AbortSignal): Promise<ResultRow> {
  const { freeze, prune, epochs } = run.settings;
  const { zeros, weightSparsity, frozen = 0 } = run.sparsifier!.summary!();
  return {
    run: `freeze ${percent(freeze)} %, prune ${percent(prune)} %`,
    ...(await measuredRow(run, signal)),
    'zero weights': zeros,
    'zero weights, %': percent(weightSparsity),
    'frozen parameters': frozen,
    epochs,
  };
}
