import { reprEpoch } from '../../sparsity/schedules.js';
import type { CompactionReport } from '../../compact/report/compactionReport.js';
import type { LayerWidth } from '../../compact/shrink/compact.js';
import type { PairedChange } from '../../training/evaluate.js';
import type { EpochEvent, NoteEvent } from '../../training/events.js';
import { maskSnapshots, notesOf, type GammaNote, type MaskNote, type OverlapNote } from '../run/notes.js';
import type { PublishedL0 } from './published.js';
import type { RunRecord } from '../run/record.js';
import type { Run } from '../run/run.js';
import type { ResultRow, SomeRecord } from './tables.js';

/**
 * The history of a run, epoch by epoch and with the notes of its method: plain JSON for figures. Shares are from 0 to
 * 1.
 */
export interface RunHistory {
  /** Epochs are counted from 1. */
  epochs: {
    epoch: number;
    step: number;
    /** Its phase in RePr's cycle; null without RePr. */
    phase: 'S1' | 'S2' | null;
    /** Mean over the epoch's batches, each measured before its step. */
    train: number;
    validation: number;
    /** Cross-entropy on the validation images. */
    loss: number;
    /** Share of the kernels' entries that are 0, if the method counts them. */
    zeros: number;
    /** The mean orthogonality score of the filters that are on, by layer. */
    overlap: Record<string, number>;
  }[];
  /** Which filters stayed on (1) and which went off (0) at each pruning of RePr, layer by layer: '1101...'. */
  prunings: { epoch: number; filters: Record<string, string> }[];
  /** The gammas that ISTA noted, with the log's other numbers. */
  log: (GammaNote & { step: number })[];
  /**
   * How many channels each layer has, and how many of them are open before the first step and after each epoch; empty
   * if no channel has a mask. Undefined in older files.
   */
  channels?: Record<string, { all: number; open: number[] }>;
}

/** A saved run: its record, or the known part of it, and its history. */
export type KeptRun = SomeRecord & { history: RunHistory };

/** Runs of a sweep that differ only in their seeds. */
export interface RunGroup {
  /** The entry of the sweep's list of points. */
  entry?: string;
  group: string;
  /** The values that vary, except the seed. */
  values: Record<string, string>;
  /** The number of runs that were asked for. */
  runs: number;
  /** Why runs are missing, if any are. */
  missing?: string;
}

const digits = (value: number): number => Number(value.toPrecision(5));

function openChannels(history: Run['history']): NonNullable<RunHistory['channels']> {
  const layers: NonNullable<RunHistory['channels']> = {};
  for (const { masks } of maskSnapshots(history)) {
    for (const [layer, mask] of masks) {
      // The name of a kernel: for masks on single weights, only the mean was noted.
      if (layer.includes('/')) continue;
      layers[layer] ??= { all: mask.length, open: [] };
      layers[layer].open.push(mask.filter((value) => value !== 0).length);
    }
  }
  return layers;
}

/** The history of a run so far, from its settings and events. */
export function historyOf({ settings, history }: Pick<Run, 'settings' | 'history'>): RunHistory {
  const { methods, repr } = settings;
  const phase = (epoch: number) => (methods.includes('repr') ? reprEpoch(epoch, repr) : undefined);
  const overlaps = new Map(notesOf<OverlapNote>(history, 'overlap').map(({ epoch, values }) => [epoch, values]));
  const epochs = history.filter((event): event is EpochEvent => event.type === 'epoch');
  return {
    epochs: epochs.map(({ epoch, step, train, validation, sparsity }) => ({
      epoch: epoch + 1,
      step,
      phase: phase(epoch)?.phase ?? null,
      train: digits(train.accuracy),
      validation: digits(validation?.accuracy ?? NaN),
      loss: digits(validation?.loss ?? NaN),
      zeros: digits(sparsity?.weightSparsity ?? 0),
      overlap: overlaps.get(epoch + 1) ?? {},
    })),
    prunings: notesOf<MaskNote>(history, 'masks')
      .filter(({ epoch }) => epoch > 0 && phase(epoch - 1)?.prunes)
      .map(({ epoch, values }) => ({
        epoch,
        filters: Object.fromEntries(Object.entries(values).map(([layer, mask]) => [layer, mask.join('')])),
      })),
    log: notesOf<GammaNote>(history, 'gammas').map(({ step, values }) => ({ step, ...values })),
    channels: openChannels(history),
  };
}

/** A line of the ISTA project's log: step 100, loss = 0.59, group lasso = 29.12, fake sparsity = 0.34, (...). */
export function gammaLine({ step, values }: NoteEvent & { values: GammaNote }): string {
  const { loss, groupLasso, fakeSparsity, imagesPerSecond, secondsPerBatch } = values;
  return (
    `step ${step}, loss = ${loss.toFixed(2)}, group lasso = ${groupLasso.toFixed(2)}, ` +
    `fake sparsity = ${fakeSparsity.toFixed(2)}, ` +
    `(${imagesPerSecond.toFixed(1)} examples/sec; ${secondsPerBatch.toFixed(3)} sec/batch)`
  );
}

/** A finished run's record and history, for tables, figures and saved files. */
export const keptRun = (run: Run): RunRecord & { history: RunHistory } => ({ ...run.record, history: historyOf(run) });

/** A share after each epoch, counted from 1: what `curvesOverEpochs` draws. */
export interface EpochMeans {
  name: string;
  epochs: number[];
  shares: number[];
}

/** The means, epoch by epoch, of runs that differ only in their seeds. */
export function epochMeans(name: string, runs: readonly KeptRun[], of: 'train' | 'validation' | 'zeros'): EpochMeans {
  const epochs = (runs.at(0)?.history.epochs ?? []).map(({ epoch }) => epoch);
  const shares = epochs.map((_, i) => runs.reduce((sum, { history }) => sum + history.epochs[i][of], 0) / runs.length);
  return { name, epochs, shares };
}

function gathered(
  pairs: readonly (readonly [pruned: number, accuracy: number])[],
): { pruned: number; accuracies: number[] }[] {
  const points = new Map<number, number[]>();
  for (const [pruned, accuracy] of pairs) points.set(pruned, [...(points.get(pruned) ?? []), accuracy]);
  return [...points].map(([pruned, accuracies]) => ({ pruned, accuracies })).sort((a, b) => a.pruned - b.pruned);
}

/** Test accuracies of runs, grouped by their share of zeros in whole percent: for `accuracyByPruning`. */
export function pruningPoints(records: readonly SomeRecord[]): { pruned: number; accuracies: number[] }[] {
  return gathered(
    records.flatMap(({ sparsity, test }) =>
      sparsity && test ? [[Math.round(100 * sparsity.zeros) / 100, test.accuracy] as const] : [],
    ),
  );
}

/** A result as a point of accuracy against sparsity; shares are between 0 and 1. */
export interface ResultPoint {
  label: string;
  sparsity: number;
  accuracy: number;
  /** How the run began; undefined without gates. */
  group?: string;
}

/**
 * Runs, ours or published ones, as points of test accuracy against sparsity; runs that began in the same way form one
 * group.
 */
export function resultPoints(records: readonly (SomeRecord | PublishedL0)[]): ResultPoint[] {
  const group = (name: string): string | undefined => {
    if (name.startsWith('scratch')) return 'gates from scratch';
    return /^(tune|target)/.test(name) ? 'a trained network, fine-tuned with gates' : undefined;
  };
  const isPublished = (record: SomeRecord | PublishedL0): record is PublishedL0 => typeof record.test === 'number';
  return records.map((record) => {
    const [label, sparsity, accuracy] = isPublished(record)
      ? [record.run, record.sparsity, record.test]
      : [record.name ?? '', record.sparsity!.complete, record.test!.accuracy];
    return { label, sparsity, accuracy, group: group(label) };
  });
}

/** What a sweep over several settings saved for a notebook to show. */
export interface SavedSweep {
  about: {
    data: string;
    /** Backend, processor, versions. */
    machine: string;
    sizes: { train: number; validation: number; test: number };
    /** The settings that all runs have in common. */
    budget?: Record<string, unknown>;
    runsPerSetting?: number;
    /** The backend that timed the compact networks of `latency_ms`, if they were timed. */
    timed?: string;
  };
  records: KeptRun[];
  /** The groups that were asked for, finished or not, in order. */
  groups?: RunGroup[];
  /** The penalty at each training step. */
  curves?: { name: string; steps: number[]; penalty: number[] }[];
}

/** The ISTA protocol as it was saved: warm-up, higher penalty, compaction, fine-tuning. */
export interface SavedIsta extends SavedSweep {
  compaction: { widths: LayerWidth[]; report: CompactionReport; explanation: string };
  /** The result of `compareCompactions` for version 1's network. */
  compactions: ResultRow[];
  /** The compact network before fine-tuning: shares of right answers, from 0 to 1. */
  compacted: { validation: number; test: number };
  /** The change made by fine-tuning, paired by test image. */
  change: PairedChange;
}

/** Accuracy on validation right after pruning a share of a trained network's weights, without any training. */
export interface Cut {
  seed: number;
  prune: number;
  validation: number;
}

/** The tasks of freezing and pruning as they were saved. */
export interface SavedPruning extends SavedSweep {
  cuts: Cut[];
}

/** Validation accuracies right after pruning, grouped by the pruned share: for `accuracyByPruning`. */
export function cutPoints(cuts: readonly Cut[]): { pruned: number; accuracies: number[] }[] {
  return gathered(cuts.map(({ prune, validation }) => [prune, validation] as const));
}
