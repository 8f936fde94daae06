import type * as tf from '@tensorflow/tfjs';
import { deriveSeed, Random } from '../backend/random.js';
import { UserError } from '../errors.js';
import { check, number, oneOf, wholeNumber } from '../rules.js';
import { channelGraph, type ChannelNode } from '../graph/channelGraph.js';
import { kernelGeometry } from '../graph/kernels.js';
import type { Weight } from '../layers/layer.js';
import { channelSpan, originOf } from './channelSpan.js';
import { maskFilters, rowsOf, someFilterLayers, type FilterLayer } from './filters.js';
import { refillFilters, type ReprScaling } from './nullSpace.js';
import { layerScores, rankFilters, type RankOptions } from './orthogonality.js';
import { reprEpoch, type ReprLengths } from './schedules.js';
import type { Sparsifier, State } from './sparsifier.js';
import { changeWeight, WeightMasks } from './weightMasks.js';

/** What happens to the next layer's weights for filters that come back; the paper does not say. */
export type ReprNextLayer = 'zero' | 'random' | 'keep';

interface ReinitialiseOptions {
  scaling: ReprScaling;
  nextLayer: ReprNextLayer;
  /** Whether the batch norm of a dropped filter continued to train. */
  biasTrains: boolean;
  /** The seed of all draws. */
  seed: number;
  /** The weights that are trained. */
  trained: ReadonlySet<Weight>;
}

/** The filters of a layer that are off: their old values by filter number. */
type DroppedFilters = ReadonlyMap<number, Float64Array>;

/** Gives dropped filters new kernels and, unless it continued to train, a new batch norm. */
function refill(layer: FilterLayer, dropped: DroppedFilters, { scaling, biasTrains, seed }: ReinitialiseOptions): void {
  const { kernel, filterOf, gamma, movingVariance } = layer;
  const kept = rowsOf(layer).filter((_, f) => !dropped.has(f));
  const random = new Random(deriveSeed(seed, 'filters', layer.name));
  const { rows } = refillFilters([...dropped.values()], kept, { scaling, random });
  const left = new Map([...dropped.keys()].map((f, i) => [f, rows[i].values()]));
  changeWeight(kernel, (values) =>
    values.forEach((_, entry) => {
      const next = left.get(filterOf(entry))?.next();
      if (next?.done === false) values[entry] = next.value;
    }),
  );
  if (biasTrains) return;
  for (const weight of [gamma, movingVariance]) {
    if (weight) changeWeight(weight, (values) => [...dropped.keys()].forEach((f) => (values[f] = 1)));
  }
}

/** Resets the next layers' weights that read the channels of dropped filters. */
function resetReaders(
  place: ChannelNode,
  dropped: DroppedFilters,
  { nextLayer, seed, trained }: ReinitialiseOptions,
): void {
  const { readers, passed, joined } = channelSpan(place, 'constant');
  // A channel that is added to or mixed with others shares its readers with them.
  if (nextLayer === 'keep' || joined) return;
  for (const { layer: reader, outputShape, inputs } of readers) {
    const { kernels, outputs } = kernelGeometry(reader, outputShape)!;
    // The second kernel of a separable convolution: if both were 0, neither could ever learn.
    const { weight, inputOf } = kernels.at(-1)!;
    if (!trained.has(weight)) continue;
    const random = new Random(deriveSeed(seed, 'readers', place.name, reader.name));
    const origins = Array.from({ length: inputs[0].channels }, (_, channel) =>
      originOf(place, passed, { node: inputs[0], channel }),
    );
    const inputsOf = (filter: number): number[] => origins.flatMap((from, input) => (from === filter ? [input] : []));
    changeWeight(weight, (values) => {
      const fanIn = values.length / outputs;
      const start = (): number => (nextLayer === 'zero' ? 0 : (2 * random.next() - 1) / Math.sqrt(fanIn));
      const entries = new Map([...dropped.keys()].flatMap(inputsOf).map((input) => [input, [] as number[]]));
      for (let entry = 0; entry < values.length; entry++) entries.get(inputOf(entry))?.push(entry);
      for (const entry of [...entries.values()].flat()) values[entry] = start();
    });
  }
}

/** Brings filters back: first the layers' own weights, then the weights that read their channels. */
function reinitialise(
  pruned: readonly { layer: FilterLayer; place: ChannelNode; dropped: DroppedFilters }[],
  options: ReinitialiseOptions,
): void {
  for (const { layer, dropped } of pruned) refill(layer, dropped, options);
  for (const { place, dropped } of pruned) resetReaders(place, dropped, options);
}

/** What `reprSparsifier` prunes, when, and how filters come back. */
export interface ReprOptions extends ReprLengths, RankOptions {
  /** Whether bias and batch norm of a dropped filter continue to train, so that it gives relu(bias). Default false. */
  biasTrains?: boolean;
  /** Default 'clip'. */
  scaling?: ReprScaling;
  /** Default 'zero'. */
  nextLayer?: ReprNextLayer;
  /** The seed of all draws. Default 0. */
  seed?: number;
}

function checkOptions({
  S1,
  S2,
  prune_ratio,
  ranking = 'global',
  scaling = 'clip',
  nextLayer = 'zero',
  seed = 0,
}: ReprOptions): void {
  for (const [name, epochs] of Object.entries({ S1, S2 })) check(name, epochs, wholeNumber({ min: 1 }));
  check('prune_ratio', prune_ratio, number({ min: 0, below: 1 }));
  check('ranking', ranking, oneOf('global', 'perLayer', 'depthNormalised'));
  check('scaling', scaling, oneOf('clip', 'rescale'));
  check('nextLayer', nextLayer, oneOf('zero', 'random', 'keep'));
  check('seed', seed, wholeNumber());
}

/**
 * RePr (Prakash et al. 2019, algorithm 1): after S1 epochs the filters that overlap most are switched off; after S2
 * more epochs they come back, orthogonal to their old values and to the other filters, and so on. A run that ends in S2
 * leaves them off.
 *
 * A filter that is off outputs 0: its kernel, bias and batch norm are held at 0. When it comes back, its bias is 0 and
 * its batch norm is new. `nextLayer` sets the next layer's weights, unless they are frozen or the filter's channel is
 * added to others, which then share these weights. Throws a UserError for options out of range, for a model without
 * convolutions, and for a layer whose filters or readers are not known.
 */
export function reprSparsifier(model: tf.LayersModel, options: ReprOptions): Sparsifier {
  checkOptions(options);
  const { biasTrains = false, scaling = 'clip', nextLayer = 'zero', seed = 0 } = options;
  const layers = someFilterLayers(model, 'RePr');
  // Bringing filters back needs their readers: an error is better now than in the middle of training.
  const places = new Map(channelGraph(model).nodes.map((node) => [node.name, node]));
  const masks = new WeightMasks(model);
  /** The filters of each layer that are off, with their old values. */
  const off = new Map<string, DroppedFilters>();
  const offOf = ({ name }: FilterLayer): DroppedFilters => off.get(name) ?? new Map();

  const maskOf = (layer: FilterLayer): Float32Array =>
    Float32Array.from({ length: layer.filters }, (_, f) => (offOf(layer).has(f) ? 0 : 1));

  /** Holds the weights of the filters that are off at 0. */
  const hold = (): void => {
    masks.clear();
    for (const layer of layers) if (offOf(layer).size > 0) maskFilters(masks, layer, maskOf(layer), biasTrains);
  };

  const prune = (): void => {
    const rows = layers.map(rowsOf);
    rankFilters(layerScores(model), options).forEach((pruned, l) => {
      off.set(layers[l].name, new Map(rows[l].flatMap((row, f) => (pruned[f] ? [[f, row] as const] : []))));
    });
    hold();
    masks.apply();
  };

  const bringBack = (epoch: number): void => {
    masks.clear();
    const pruned = layers
      .map((layer) => ({ layer, place: places.get(layer.name)!, dropped: offOf(layer) }))
      .filter(({ dropped }) => dropped.size > 0);
    const trained = new Set(model.trainableWeights);
    reinitialise(pruned, { scaling, nextLayer, biasTrains, seed: deriveSeed(seed, 'repr', epoch), trained });
    off.clear();
  };

  const offState = (): State =>
    Object.fromEntries(
      [...off].map(([name, dropped]) => [
        name,
        Object.fromEntries([...dropped].map(([f, row]) => [`${f}`, Float32Array.from(row)] as const)),
      ]),
    );

  return {
    name: 'RePr',
    model,
    beforeEpoch: (epoch) => {
      const { prunes, reinitialises } = reprEpoch(epoch, options);
      if (reinitialises) bringBack(epoch);
      if (prunes) prune();
    },
    onGradients: (gradients) => masks.maskGradients(gradients),
    afterStep: () => masks.apply(),
    channelMasks: () => new Map(layers.map((layer) => [layer.name, maskOf(layer)])),
    summary: () => ({
      channels: layers.reduce((sum, { filters }) => sum + filters, 0),
      closed: layers.reduce((sum, layer) => sum + offOf(layer).size, 0),
    }),
    state: () => ({ off: offState() }),
    restore: (state) => {
      off.clear();
      for (const [name, dropped] of Object.entries(Object(state.off) as Record<string, State>)) {
        const layer = layers.find((other) => other.name === name);
        if (!layer) throw new UserError(`The saved RePr state is of another network: ${model.name} has no ${name}.`);
        const rows = Object.entries(dropped) as [string, Float32Array][];
        off.set(name, new Map(rows.map(([f, row]) => [Number(f), Float64Array.from(row)])));
      }
      hold();
    },
    dispose: () => masks.clear(),
  };
}
