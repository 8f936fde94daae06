import type * as tf from '@tensorflow/tfjs';
import { readable } from '../../backend/readable.js';
import { cosinesByLayer, filterOverlap } from '../../sparsity/orthogonality.js';
import { istaLayers } from '../../sparsity/ista.js';
import type { ChannelMasks } from '../../graph/channelGraph.js';
import { reprEpoch } from '../../sparsity/schedules.js';
import type { Sparsifier } from '../../sparsity/sparsifier.js';
import type { NoteEvent, StepEvent } from '../../training/events.js';
import type { ExperimentSettings } from '../experimentSettings.js';

/** The gammas at a step, and its numbers in the ISTA project's log: notes of the kind `gammas`. */
export interface GammaNote {
  /** Cross-entropy; the project's loss also includes the weight decay of the kernels. */
  loss: number;
  groupLasso: number;
  fakeSparsity: number;
  imagesPerSecond: number;
  secondsPerBatch: number;
  /** By the layer whose channels they belong to. */
  gammas: Record<string, number[]>;
}

/** A moment at which filters go off or come back, with the cosines between the filters of each layer: kind `turn`. */
export interface TurnNote {
  turn: 'prune' | 'return';
  before: Record<string, number[][]>;
  after: Record<string, number[][]>;
}

/** The masks after an epoch, by layer; for single weights their mean, by kernel: kind `masks`. */
export type MaskNote = Record<string, number[]>;

/** The masks of all gates after so many epochs, by layer or, for single weights, by kernel; 0 is before training. */
export interface MaskSnapshot {
  epoch: number;
  masks: ChannelMasks;
}

/** The notes of one kind among a run's events, in order. */
export function notesOf<T extends object>(
  events: readonly { readonly type: string }[],
  kind: string,
): (NoteEvent & { values: T })[] {
  const isOne = (event: { readonly type: string }): event is NoteEvent & { values: T } =>
    event.type === 'note' && (event as NoteEvent).kind === kind;
  return events.filter(isOne);
}

/** The masks that a run's events have noted, in order. */
export function maskSnapshots(events: readonly { readonly type: string }[]): MaskSnapshot[] {
  return notesOf<MaskNote>(events, 'masks').map(({ epoch, values }) => ({
    epoch,
    masks: new Map(Object.entries(values).map(([layer, mask]) => [layer, Float32Array.from(mask)])),
  }));
}

/** How much the filters that are on overlap, by layer: kind `overlap`. */
export type OverlapNote = Record<string, number>;

const digits = (value: number, n = 4): number => Number(value.toPrecision(n));

/** The cosines between the filters of each layer, to three decimals. */
function cosines(model: tf.LayersModel): Record<string, number[][]> {
  const short = (cosine: number): number => Number(cosine.toFixed(3)) + 0; // JSON has no -0
  return Object.fromEntries(
    [...cosinesByLayer(model)].map(([layer, rows]) => [layer, rows.map((row) => row.map(short))]),
  );
}

/** The parts of a run that notes are taken of. */
interface Noted {
  settings: ExperimentSettings;
  model: tf.LayersModel;
  sparsifier?: Sparsifier;
  /** How many epochs begin in the run. */
  epochs: number;
}

/** Takes the notes of a run: what its figures need and no other event contains. */
export class Notes {
  private readonly turns: { epoch: number; values: TurnNote }[] = [];

  constructor(private readonly noted: Noted) {
    if (noted.settings.methods.includes('repr') && noted.sparsifier) this.watchTurns(noted.sparsifier);
  }

  /** The notes after so many epochs; 0 is before the first step. */
  async ofEpoch(epochs: number, step: number): Promise<NoteEvent[]> {
    await readable();
    const { settings, model, sparsifier } = this.noted;
    const notes: NoteEvent[] = [];
    const note = (kind: string, values: object): void =>
      void notes.push({ type: 'note', kind, step, epoch: epochs, values });
    if (sparsifier) note('masks', this.masks(sparsifier));
    if (settings.network === 'c3' || settings.methods.includes('repr')) {
      const overlaps = [...filterOverlap(model, sparsifier?.channelMasks() ?? new Map())];
      note('overlap', Object.fromEntries(overlaps.map(([layer, overlap]) => [layer, digits(overlap)])));
      if (epochs === this.noted.epochs) note('cosines', cosines(model));
    }
    return notes;
  }

  /** The notes of a step. */
  async ofStep({ step, epoch, crossEntropy, imagesPerSecond }: StepEvent): Promise<NoteEvent[]> {
    const { settings, model, sparsifier } = this.noted;
    const notes: NoteEvent[] = this.turns
      .splice(0)
      .map(({ epoch, values }) => ({ type: 'note', kind: 'turn', step, epoch, values }));
    const { log_frequency } = settings.ista;
    if (settings.methods.includes('ista') && step % log_frequency === 0) {
      await readable();
      const { groupLasso, fakeSparsity } = sparsifier!.summary!();
      const layers = istaLayers(model);
      const values: GammaNote = {
        loss: crossEntropy,
        groupLasso,
        fakeSparsity,
        imagesPerSecond: digits(imagesPerSecond),
        secondsPerBatch: digits(settings.batch_size / imagesPerSecond),
        gammas: Object.fromEntries(
          layers.map(({ name, gamma }) => [name, [...gamma.dataSync()].map((g) => digits(g))]),
        ),
      };
      notes.push({ type: 'note', kind: 'gammas', step, epoch, values });
    }
    return notes;
  }

  private masks(sparsifier: Sparsifier): MaskNote {
    const weights = [...(sparsifier.weightMasks?.() ?? [])];
    if (weights.length > 0) {
      const mean = (mask: Float32Array): number => mask.reduce((sum, value) => sum + value, 0) / mask.length;
      return Object.fromEntries(weights.map(([kernel, mask]) => [kernel, [digits(mean(mask))]]));
    }
    const masks = [...sparsifier.channelMasks()];
    return Object.fromEntries(masks.map(([layer, mask]) => [layer, Array.from(mask, (value) => digits(value))]));
  }

  /** Makes a note whenever the method switches filters off or brings them back. */
  private watchTurns(sparsifier: Sparsifier): void {
    const { settings, model } = this.noted;
    const beforeEpoch = sparsifier.beforeEpoch?.bind(sparsifier);
    sparsifier.beforeEpoch = (epoch) => {
      const { prunes, reinitialises } = reprEpoch(epoch, settings.repr);
      const before = prunes || reinitialises ? cosines(model) : undefined;
      beforeEpoch?.(epoch);
      if (!before) return;
      this.turns.push({ epoch, values: { turn: prunes ? 'prune' : 'return', before, after: cosines(model) } });
    };
  }
}
