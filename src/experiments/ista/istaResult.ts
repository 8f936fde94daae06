import { completeCount } from '../../compact/index.js';
import { percent, type ResultRow } from '../resultRow.js';
import type { IstaRun } from './istaRun.js';

/**
 * Measures a trained run, by the averages of its weights: accuracy on validation and, once, on test, and what is left of
 * the network without the channels whose gamma is 0.
 */
export async function istaResult(run: IstaRun, signal?: AbortSignal): Promise<ResultRow> {
  const masks = run.channelMasks();
  const { left, sparsity, runningValues, multiplyAdds } = completeCount(run.model, masks);
  const { channels, closed, groupLasso, fakeSparsity } = run.sparsifier!.summary!();
  const { checkpoint_version: version, l1_penalty, max_steps } = run.settings;
  return {
    run: `version ${version} to ${version! + 1}`,
    l1_penalty,
    'validation, %': percent((await run.evaluate('validation', signal)).accuracy),
    'test, %': percent((await run.evaluate('test', signal)).accuracy),
    'fake sparsity, %': percent(fakeSparsity),
    'group lasso': Number(groupLasso.toFixed(2)),
    'closed channels': `${closed} of ${channels}`,
    'sparsity, complete, %': percent(sparsity),
    parameters: left,
    'total params, published count': left + runningValues.left,
    'million multiply-adds': Number((multiplyAdds.left / 1e6).toFixed(2)),
    steps: max_steps,
  };
}
