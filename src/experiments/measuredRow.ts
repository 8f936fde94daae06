import { completeCount } from '../compact/index.js';
import type { ExperimentRun } from './experiment.js';
import { percent, type ResultRow } from './resultRow.js';

/**
 * What every experiment says of a trained run: accuracy on validation and, once, on test, and what is left of the network
 * without its closed channels.
 */
export async function measuredRow(run: ExperimentRun, signal?: AbortSignal): Promise<ResultRow> {
  const masks = run.channelMasks();
  const channels = [...masks.values()].flatMap((mask) => [...mask]);
  const { left, sparsity, multiplyAdds } = completeCount(run.model, masks);
  return {
    'validation, %': percent((await run.evaluate('validation', signal)).accuracy),
    'test, %': percent((await run.evaluate('test', signal)).accuracy),
    'closed channels':
      channels.length === 0 ? null : `${channels.filter((mask) => mask === 0).length} of ${channels.length}`,
    'sparsity, complete, %': percent(sparsity),
    parameters: left,
    'million multiply-adds': Number((multiplyAdds.left / 1e6).toFixed(2)),
  };
}
