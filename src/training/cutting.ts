import { readable, whereReadable } from '../backend/readable.js';
import { withoutClosed } from '../compact/shrink/withoutClosed.js';
import { UserError } from '../errors.js';
import { check, number } from '../rules.js';
import type { SmallerNetwork } from '../graph/channelGraph.js';
import { gatesOf } from '../graph/gates.js';
import { GatedConv2d } from '../layers/gatedConv2d.js';
import type { State } from '../sparsity/sparsifier.js';
import type { TrainedState } from './checkpoint/checkpoint.js';
import { putState, takeState, type TrainedParts } from './checkpoint/trainedState.js';
import { StateSlices } from './stateSlices.js';

/** Which channels are cut out in training. */
export interface CuttingOptions {
  /**
   * A channel is cut out if its gate is closed at inference and, in training, open with less than this probability, at
   * most 0.3. 0 cuts out only the channels that masks hold at 0. Default 0.2, where the expected gate is below 0.062.
   */
  probability?: number;
}

/**
 * Cuts channels that are closed for good out of a network while it is trained, so that training gets faster as it
 * prunes.
 *
 * Each epoch trains a network of the remaining channels, with their part of the optimizer's memory, the averages and
 * the method's state. At the end of the epoch all of this is copied back into the whole network, where the cut channels
 * have not changed: between epochs, and in every checkpoint, the network is whole.
 *
 * Channels that masks hold at 0 until the end of the run contribute exactly 0: training gives the same result without
 * them, up to rounding. A closed gate is 0 in evaluation; in training it would have been open for less than
 * `probability` of the images, and mostly only slightly, which is all that is lost. The remaining gates draw different
 * noise than without cutting, because noise depends on a gate's place in its layer: such a run is another sample of the
 * same training.
 */
export class Cutting {
  private readonly probability: number;
  /** The masks of the current or last stopped epoch: those that contain zeros, by weight. */
  private closed?: ReadonlyMap<string, Float32Array>;
  private cut?: { slices: StateSlices; before: TrainedState; parts: TrainedParts };

  /** Throws a UserError for a probability out of range. */
  constructor({ probability = 0.2 }: CuttingOptions = {}) {
    check('probability', probability, number({ min: 0, max: 0.3 }));
    this.probability = probability;
  }

  /** Throws a UserError for a network or a method that cannot be trained with channels cut out. */
  check({ model, sparsifier }: TrainedParts): void {
    if (!sparsifier?.inSmaller) {
      throw new UserError(
        `To cut out channels, training must have a method that closes some for good; received ${sparsifier?.name ?? 'none'}. ` +
          'Use gates, or prune channels by magnitude, or train without cutting.',
      );
    }
    const gated = gatesOf(model).find((gate) => gate instanceof GatedConv2d);
    if (gated)
      throw new UserError(
        `Channels cannot be cut out in training where weights have gates, as in ${gated.name}. Train without cutting.`,
      );
  }

  /**
   * Returns the parts to train with in an epoch, counted from 0: the given ones if nothing is closed for good. A
   * stopped epoch that is resumed (`goesOn`) keeps the channels that it had.
   */
  async begin(whole: TrainedParts, epoch: number, goesOn: boolean): Promise<TrainedParts> {
    const { model, optimizer, sparsifier, averages } = whole;
    await readable();
    if (!goesOn || !this.closed) {
      const masks = sparsifier!.closedForGood?.(epoch, this.probability) ?? new Map<string, Float32Array>();
      this.closed = new Map([...masks].filter(([, mask]) => mask.includes(0)));
    }
    const smaller = whereReadable(() => withoutClosed(model, this.closed!));
    if (!smaller) return whole;
    const before = await takeState({ model, optimizer, sparsifier, averages });
    const slices = new StateSlices(model, smaller);
    const parts = { ...partsIn(smaller, whole), optimizer };
    putState({ ...slices.pick(before), path: model.name }, parts);
    // Averages lag behind: start them from the weights, so that the cut channels are closed in the averaged network
    // too.
    const means = Object(before.averages?.averages) as State;
    for (const name of Object.keys(means)) means[name] = before.weights.get(name)!.values as Float32Array;
    this.cut = { slices, before, parts };
    return parts;
  }

  /** Copies an epoch's result back into the whole network. `isOver`: the epoch was not stopped before its end. */
  async end({ model, optimizer, sparsifier, averages }: TrainedParts, isOver: boolean): Promise<void> {
    const state = await this.wholeState();
    if (isOver) this.closed = undefined;
    if (!state) return;
    const { parts } = this.cut!;
    this.cut = undefined;
    parts.sparsifier?.dispose?.();
    parts.averages?.dispose();
    parts.model.dispose();
    putState({ ...state, path: model.name }, { model, optimizer, sparsifier, averages });
  }

  /** The state of the whole network's training so far; undefined while nothing is cut out. */
  async wholeState(): Promise<TrainedState | undefined> {
    if (!this.cut) return undefined;
    const { slices, before, parts } = this.cut;
    return slices.put(before, await takeState(parts));
  }

  /** The current epoch's masks, which a checkpoint saved within the epoch includes; undefined between epochs. */
  state(): State | undefined {
    return this.closed && Object.fromEntries(this.closed);
  }

  /** Restores what `state` returned. */
  restore(state: State | undefined): void {
    this.closed = state && new Map(Object.entries(state) as [string, Float32Array][]);
  }
}

/** The network, the method and the averages to train with while channels are cut out. */
function partsIn(smaller: SmallerNetwork, { sparsifier, averages }: TrainedParts): Omit<TrainedParts, 'optimizer'> {
  const { model } = smaller;
  return { model, sparsifier: sparsifier!.inSmaller!(smaller), averages: averages?.of(model) };
}
