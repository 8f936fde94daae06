import type { IstaSettings } from './istaSettings.js';
import type { IstaSweepRun } from './istaRecord.js';
import type { IstaRun } from './istaRun.js';
import { nextIstaRun } from './nextIstaRun.js';

/**
 * Trains a short run from another one's network, to see what a penalty and a weight decay do, and returns what it came to.
 * An aborted signal rejects with its reason.
 */
export async function istaSweepRun(
  start: IstaRun,
  given: Pick<IstaSettings, 'l1_penalty' | 'weight_decay' | 'max_steps'>,
  signal?: AbortSignal,
): Promise<IstaSweepRun> {
  const run = await nextIstaRun(start, given);
  try {
    for await (const event of run.events(signal)) {
      if (event.type === 'end' && event.reason === 'diverged') throw new Error(event.message);
    }
    signal?.throwIfAborted();
    const { accuracy: validation } = await run.evaluate('validation', signal);
    const { fakeSparsity, groupLasso } = run.sparsifier!.summary!();
    const log = run.log.map(({ step, loss, fakeSparsity, groupLasso }) => ({ step, loss, fakeSparsity, groupLasso }));
    const { l1_penalty, weight_decay } = given;
    return { l1_penalty, weight_decay, validation, fakeSparsity, groupLasso, log };
  } finally {
    run.dispose();
  }
}
