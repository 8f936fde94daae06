import { completeCount } from '../../compact/index.js';
import { measuredRow } from '../measuredRow.js';
import { percent, type ResultRow } from '../resultRow.js';
import type { IstaRun } from './istaRun.js';

/** Measures a trained run by the averages of its weights; closed are the channels whose gamma is 0. */
export async function istaResult(run: IstaRun, signal?: AbortSignal): Promise<ResultRow> {
  const { left, runningValues } = completeCount(run.model, run.channelMasks());
  const { groupLasso, fakeSparsity } = run.sparsifier!.summary!();
  const { checkpoint_version: version, l1_penalty, max_steps } = run.settings;
  return {
    run: `version ${version} to ${version! + 1}`,
    l1_penalty,
    ...(await measuredRow(run, signal)),
    'fake sparsity, %': percent(fakeSparsity),
    'group lasso': Number(groupLasso.toFixed(2)),
    'total params, published count': left + runningValues.left,
    steps: max_steps,
  };
}
