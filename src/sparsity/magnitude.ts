import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { weightNames } from '../graph/names.js';
import { check, listOf, oneOf, text, wholeNumber } from '../rules.js';
import type { Weight } from '../layers/layer.js';
import type { ChannelMasks } from '../graph/channelGraph.js';
import { filterLayers, maskFilters, rowsOf, someFilterLayers } from './filters.js';
import { orthogonalityScores } from './orthogonality.js';
import { countZeros, prunableWeights, somePrunableWeights } from './prunableWeights.js';
import { pruneSmallest, type PruningScope } from './pruneSmallest.js';
import { checkAmount, type PruningAmount, type PruningPlan } from './schedules.js';
import { closedIn, type Sparsifier, type State } from './sparsifier.js';
import { changeWeight, WeightMasks } from './weightMasks.js';

/** The entries or filters of some kernels, from which magnitude pruning chooses. */
interface PruningTarget {
  kernels: readonly Weight[];
  /** The kernels whose values decide what is pruned. */
  deciding: readonly Weight[];
  /** The current size of each entry or filter of each kernel; they are ranked by it. */
  sizes(): Float32Array[];
  /** The current masks, in the layout of `sizes`. */
  masksOf(masks: WeightMasks): Float32Array[];
  /** Sets the mask of kernel i. */
  set(masks: WeightMasks, i: number, mask: Float32Array): void;
  /** The names of the layers whose channels are pruned; empty if single weights are pruned. */
  layers: readonly string[];
}

/** Prunes single weights of all kernels, by their magnitude in `rankedBy`. */
function weightPruning(model: tf.LayersModel, rankedBy: tf.LayersModel): PruningTarget {
  const kernels = somePrunableWeights(model, 'magnitude pruning');
  const deciding = prunableWeights(rankedBy);
  return {
    kernels,
    deciding,
    sizes: () => deciding.map((weight) => weight.read().dataSync<'float32'>().slice()),
    masksOf: (masks) => kernels.map((kernel) => masks.get(kernel) ?? new Float32Array(kernel.read().size).fill(1)),
    set: (masks, i, mask) => masks.set(kernels[i], mask),
    layers: [],
  };
}

/**
 * How the channels to prune are chosen: those with small weights, or those whose filters overlap with others of their
 * layer.
 */
export type ChannelCriterion = 'magnitude' | 'orthogonality';

/** The mean |w| of a filter, which does not depend on how many weights it has. */
const meanSize = (row: Float64Array): number => row.reduce((sum, value) => sum + Math.abs(value), 0) / row.length;

/** The worth of each filter of a layer; the lowest is pruned first. An orthogonality score is below 1. */
const worthOf: Readonly<Record<ChannelCriterion, (rows: Float64Array[]) => number[]>> = {
  magnitude: (rows) => rows.map(meanSize),
  orthogonality: (rows) => orthogonalityScores(rows).map((score) => 1 - score),
};

/** Prunes whole filters of convolutions, with bias and batch norm, by their worth in `rankedBy`. */
function channelPruning(model: tf.LayersModel, rankedBy: tf.LayersModel, options: ChannelOptions): PruningTarget {
  const { criterion = 'magnitude', where = [] } = options;
  // Each filter of a depthwise convolution sees another channel, so similar filters are not redundant.
  const which = { depthwise: criterion === 'magnitude' };
  const named = <T extends { name: string }>(all: T[]): T[] =>
    where.length === 0 ? all : all.filter(({ name }) => where.includes(name));
  const all = someFilterLayers(model, 'pruning of channels', which);
  const unknown = where.find((name) => !all.some((layer) => layer.name === name));
  if (unknown !== undefined) {
    throw new UserError(
      `The layers whose channels are pruned must be convolutions of ${model.name}; received ${unknown}. ` +
        `There are: ${all.map(({ name }) => name).join(', ')}.`,
    );
  }
  const layers = named(all);
  const deciding = named(filterLayers(rankedBy, which));
  return {
    kernels: layers.map(({ kernel }) => kernel),
    deciding: deciding.map(({ kernel }) => kernel),
    sizes: () => deciding.map((layer) => Float32Array.from(worthOf[criterion](rowsOf(layer)))),
    masksOf: (masks) =>
      layers.map(({ kernel, filters, filterOf }) => {
        const mask = new Float32Array(filters).fill(1);
        masks.get(kernel)?.forEach((value, entry) => (mask[filterOf(entry)] = value));
        return mask;
      }),
    set: (masks, i, mask) => maskFilters(masks, layers[i], mask),
    layers: layers.map(({ name }) => name),
  };
}

interface ChannelOptions {
  /**
   * Which channels are pruned first: those whose filter has the smallest mean |w|, or those with the highest
   * orthogonality score, as in RePr (`orthogonalityScores`). Default 'magnitude'.
   */
  criterion?: ChannelCriterion;
  /** The names of the convolutions whose channels are pruned. Default: all. */
  where?: readonly string[];
}

/** What `magnitudeSparsifier` prunes, when, and by which criterion. */
export interface MagnitudeOptions extends ChannelOptions {
  /** How much is pruned when. Default: only calls of `prune` prune. */
  plan?: PruningPlan;
  /** Default 'global'. */
  scope?: PruningScope;
  /** Single weights by |w|, or whole channels by the criterion. Default 'weights'. */
  unit?: 'weights' | 'channels';
  /**
   * A network with the same layers whose current weights decide what is pruned. Default: the pruned network itself.
   */
  rankedBy?: tf.LayersModel;
  /** The epoch, counted from 0, before which the masks are lifted and pruned entries may move. Default: never. */
  unfreezeBefore?: number;
  /**
   * Whether pruned entries then get their old values back instead of starting from 0. Default false. A channel that
   * a ReLU follows only recovers with its old values: at 0 it has no gradient.
   */
  restore?: boolean;
}

/** Magnitude pruning that can also be triggered at any time. */
export interface MagnitudeSparsifier extends Sparsifier {
  /** Prunes an amount. */
  prune(amount: PruningAmount): void;
  /** Lifts the masks: pruned entries may move again, from 0 or from their old values. */
  unfreeze(): void;
}

/**
 * Prunes by magnitude, holds the masks through training, and can unfreeze (torch.nn.utils.prune and its remove): pruned
 * entries stay exactly 0 with any optimizer until the mask is lifted.
 *
 * Throws a UserError for a `rankedBy` with other kernels, for a layer in `where` that is not a convolution, for an
 * amount or another option out of range, and for a network with nothing to prune, or with a layer whose kernels or
 * filters are not known.
 */
export function magnitudeSparsifier(model: tf.LayersModel, options: MagnitudeOptions = {}): MagnitudeSparsifier {
  const { plan = [], scope = 'global', unit = 'weights', rankedBy = model, restore = false } = options;
  const { criterion = 'magnitude', where = [] } = options;
  check('scope', scope, oneOf('global', 'perLayer'));
  check('unit', unit, oneOf('weights', 'channels'));
  check('criterion', criterion, oneOf('magnitude', 'orthogonality'));
  check('where', where, listOf(text("a layer's name")));
  for (const { epoch, amount } of plan) {
    check('plan: epoch', epoch, wholeNumber({ min: 0 }));
    checkAmount('plan: amount', amount);
  }
  if (options.unfreezeBefore !== undefined) check('unfreezeBefore', options.unfreezeBefore, wholeNumber({ min: 0 }));
  if (unit === 'weights' && (criterion !== 'magnitude' || where.length > 0)) {
    throw new UserError(
      `criterion and where choose among channels, and must go with unit: 'channels'; it is 'weights'.`,
    );
  }
  const target = unit === 'channels' ? channelPruning(model, rankedBy, options) : weightPruning(model, rankedBy);
  const [ours, theirs] = [target.kernels, target.deciding].map((list) =>
    list.map(({ shape }) => shape.join('x')).join(),
  );
  if (ours !== theirs) {
    throw new UserError(
      `The network that decides must have the kernels of ${model.name}; ${rankedBy.name} has others.`,
    );
  }
  // Another network may be disposed of, or trained further, before pruning begins.
  const decided = rankedBy === model ? undefined : target.sizes();
  const masks = new WeightMasks(model);
  /** All weights as they were before the first pruning, by name, if they are to be restored. */
  const old = new Map<string, Float32Array>();
  const names = weightNames(model);

  const prune = (amount: PruningAmount): void => {
    if (restore && old.size === 0) {
      for (const [weight, name] of names) old.set(name, weight.read().dataSync<'float32'>().slice());
    }
    const [sizes, before] = [decided ?? target.sizes(), target.masksOf(masks)];
    pruneSmallest(sizes, amount, { masks: before, scope }).forEach((mask, i) => {
      // A layer that would lose all its filters keeps the largest one left.
      const left = sizes[i].map((size, f) => (before[i][f] === 1 ? size : -1));
      if (unit === 'channels' && !mask.includes(1)) mask[left.indexOf(Math.max(...left))] = 1;
      target.set(masks, i, mask);
    });
    masks.hide();
  };

  const channelMasks = (): ChannelMasks => {
    const current = target.masksOf(masks);
    return new Map(target.layers.map((name, i) => [name, current[i]]));
  };

  const unfreeze = (): void => {
    for (const weight of masks.weights) {
      const [values, mask] = [old.get(names.get(weight)!), masks.get(weight)];
      if (!values || !mask) continue;
      changeWeight(weight, (now) => mask.forEach((kept, i) => (now[i] = kept === 0 ? values[i] : now[i])));
    }
    masks.clear();
    old.clear();
  };

  const whole: MagnitudeSparsifier = {
    ...held(masks, old),
    model,
    prune,
    unfreeze,
    beforeEpoch: (epoch) => {
      for (const pruning of plan) if (pruning.epoch === epoch) prune(pruning.amount);
      if (epoch === options.unfreezeBefore) unfreeze();
    },
    channelMasks,
    weightMasks: () => new Map(unit === 'channels' ? [] : Object.entries(masks.state())),
    summary: () => {
      const { entries: weights, zeros } = countZeros(target.kernels);
      const counts = closedIn(channelMasks().values());
      return { weights, zeros, weightSparsity: zeros / weights, ...(counts.channels > 0 && counts) };
    },
    // Later prunings choose among all weights, including weights that no layer reads any more.
    closedForGood: (epoch) =>
      new Map(
        options.unfreezeBefore === undefined && plan.every((pruning) => pruning.epoch <= epoch)
          ? Object.entries(masks.state())
          : [],
      ),
    inSmaller: (smaller) => ({ ...whole, ...held(new WeightMasks(smaller.model), new Map()), model: smaller.model }),
  };
  return whole;
}

/** The hooks that hold masks through steps, and save them with the old weights. */
function held(
  masks: WeightMasks,
  old: Map<string, Float32Array>,
): Pick<MagnitudeSparsifier, 'name' | 'onGradients' | 'afterStep' | 'state' | 'restore' | 'dispose'> {
  return {
    name: 'magnitude pruning',
    onGradients: (gradients, decayed) => masks.maskGradients(gradients, decayed),
    afterStep: () => masks.apply(),
    state: () => ({
      masks: masks.state(),
      hidden: masks.hiddenState(),
      old: Object.fromEntries([...old].map(([name, v]) => [name, v.slice()])),
    }),
    restore: (state) => {
      if (!state.masks || !state.old)
        throw new UserError(
          'The saved state must have masks and old weights, as magnitude pruning saves them. Start a new run from the saved weights.',
        );
      masks.restore(state.masks as State, state.hidden as State | undefined);
      old.clear();
      for (const [name, values] of Object.entries(state.old as State)) old.set(name, (values as Float32Array).slice());
    },
    dispose: () => masks.clear(),
  };
}
