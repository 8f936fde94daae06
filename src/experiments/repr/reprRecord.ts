import { cosinesByLayer, reprEpoch } from '../../sparsity/index.js';
import type { EpochEvent } from '../../training/events.js';
import type { ReprRun } from './reprRun.js';
import { reprSettings, type ReprSettings } from './reprSettings.js';

/** An epoch of a run; shares are between 0 and 1. */
export interface ReprEpochRecord {
  /** Epochs made so far, this one included. */
  epoch: number;
  /** Where in RePr's cycle it lay; null in standard training. */
  phase: 'S1' | 'S2' | null;
  /** Mean over the epoch's batches, each as it was when its turn came. */
  train: number;
  validation: number;
  /** The mean orthogonality score of the filters that are on, by layer. */
  overlap: Record<string, number>;
}

/** What a run of the RePr experiment came to: enough to draw it, and to compare it with others. */
export interface ReprRecord {
  run: string;
  data: string;
  /** Images of each part. */
  images: { train: number; validation: number; test: number };
  /** Backend, processor and versions. */
  machine: string;
  settings: ReprSettings;
  epochs: ReprEpochRecord[];
  /** Which filters stayed on (1) and which went off (0) at each pruning, layer by layer: '1101...'. */
  prunings: { epoch: number; filters: Record<string, string> }[];
  /** The cosines between the filters of each layer at the end, to two decimals: row a has those with 0 to a - 1. */
  cosines: Record<string, number[][]>;
  /** The epoch with the best validation accuracy, counted from 1, and the test accuracy of its weights. */
  best: { epoch: number; validation: number; test: number };
  /** After the last epoch. */
  last: { validation: number; test: number };
  seconds: number;
}

const digits = (value: number): number => Number(value.toPrecision(4));

/** What a trained run came to. The test images are seen here only, by two sets of weights: the best and the last. */
export async function reprRecord(
  name: string,
  machine: string,
  run: ReprRun,
  signal?: AbortSignal,
): Promise<ReprRecord> {
  const { data, settings, history, snapshots, overlaps, best } = run;
  const events = history.filter((event): event is EpochEvent => event.type === 'epoch');
  const last = events.at(-1)?.validation?.accuracy ?? NaN;
  const known = reprSettings();
  const phase = (epoch: number): 'S1' | 'S2' | null => (settings.standard ? null : reprEpoch(epoch, settings).phase);
  return {
    run: name,
    data: data.name,
    images: {
      train: data.train.labels.length,
      validation: data.validation.labels.length,
      test: data.test.labels.length,
    },
    machine,
    settings: Object.fromEntries(Object.entries(settings).filter(([key]) => key in known)) as unknown as ReprSettings,
    epochs: events.map(({ epoch, train, validation }) => ({
      epoch: epoch + 1,
      phase: phase(epoch),
      train: digits(train.accuracy),
      validation: digits(validation?.accuracy ?? NaN),
      overlap: Object.fromEntries(
        [...(overlaps.find((snapshot) => snapshot.epoch === epoch + 1)?.overlap ?? [])].map(([layer, overlap]) => [
          layer,
          digits(overlap),
        ]),
      ),
    })),
    prunings: snapshots
      .filter(({ epoch }) => epoch > 0 && !settings.standard && reprEpoch(epoch - 1, settings).prunes)
      .map(({ epoch, masks }) => ({
        epoch,
        filters: Object.fromEntries([...masks].map(([layer, mask]) => [layer, Array.from(mask).join('')])),
      })),
    // + 0: JSON has no -0.
    cosines: Object.fromEntries(
      [...cosinesByLayer(run.model)].map(([layer, cosines]) => [
        layer,
        cosines.map((row, a) => row.slice(0, a).map((cosine) => Number(cosine.toFixed(2)) + 0)),
      ]),
    ),
    best: {
      epoch: (best.epoch ?? NaN) + 1,
      validation: best.validation,
      test: (await run.testBest(signal)).accuracy,
    },
    last: { validation: last, test: (await run.evaluate('test', signal)).accuracy },
    seconds: Math.round(events.reduce((sum, { seconds }) => sum + seconds, 0)),
  };
}
