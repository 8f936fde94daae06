import { UserError } from '../../errors.js';
import { zeroShares } from '../../sparsity/prunableWeights.js';
import { bestEpoch, type EpochEvent } from '../../training/events.js';
import type { FreezePruneRun } from './freezePruneRun.js';
import type { FreezePruneRecord } from './freezePruneSweep.js';

export interface RecordOptions extends Pick<FreezePruneRecord, 'task' | 'start'> {
  /** The first epoch, from 0, that may be picked: the one that `keepingBest` was given. */
  from?: number;
  signal?: AbortSignal;
}

const rounded = (value: number): number => Number(value.toFixed(5));

/**
 * What a run came to that `keepingBest` has trained: its epochs, the one that was picked on validation, and that one's
 * accuracy on the test images, which are seen here only. Throws a UserError for a run that no epoch of has been trained.
 */
export async function freezePruneRecord(
  run: FreezePruneRun,
  { task, start, from, signal }: RecordOptions,
): Promise<FreezePruneRecord> {
  const epochs = run.history.filter((event): event is EpochEvent => event.type === 'epoch');
  const best = bestEpoch(epochs, { from });
  if (!best) throw new UserError(`${task}: the run has not been trained as far as an epoch that can be picked.`);
  const zeros = zeroShares(run.model);
  return {
    task,
    seed: run.settings.seed,
    start,
    epochs: epochs.map(({ epoch, train, validation, sparsity }) => ({
      epoch: epoch + 1,
      training: rounded(train.accuracy),
      validation: rounded(validation!.accuracy),
      sparsity: rounded(sparsity!.weightSparsity),
    })),
    best: best.epoch + 1,
    validation: rounded(best.validation!.accuracy),
    test: rounded((await run.evaluate('test', signal)).accuracy),
    sparsity: rounded(best.sparsity!.weightSparsity),
    zeros: Object.fromEntries([...zeros].map(([kernel, share]) => [kernel, rounded(share)])),
    seconds: Math.round(epochs.reduce((sum, { seconds }) => sum + seconds, 0)),
  };
}

/** The records of several runs, by the name of their task. */
export async function freezePruneRecords(
  runs: Readonly<Record<string, FreezePruneRun>>,
  options: Omit<RecordOptions, 'task'>,
): Promise<FreezePruneRecord[]> {
  const records: FreezePruneRecord[] = [];
  for (const [task, run] of Object.entries(runs)) records.push(await freezePruneRecord(run, { ...options, task }));
  return records;
}
