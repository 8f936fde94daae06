import { deriveSeed, Random } from '../../backend/random.js';
import { changeWeight } from '../changeWeight.js';
import { refillFilters, type ReprScaling } from './refillFilters.js';
import { weightOf } from '../../graph/kernels.js';
import { filterRows, type FilterLayer } from '../filterLayers.js';

/** What becomes of the next layer's weights for filters that come back: the paper leaves it open. */
export type ReprNextLayer = 'zero' | 'random' | 'keep';

/** How filters come back. */
export interface ReinitialiseOptions {
  scaling: ReprScaling;
  nextLayer: ReprNextLayer;
  /** Whether the batch norm of a filter that is off went on training. */
  seedBias: boolean;
  /** Decides all draws. */
  seed: number;
}

/** Filters of a layer that are off, by their numbers, with what they were. */
export type DroppedFilters = ReadonlyMap<number, Float64Array>;

/** Gives dropped filters new kernels and, unless theirs went on training, a new batch norm. */
function refill(layer: FilterLayer, dropped: DroppedFilters, { scaling, seedBias, seed }: ReinitialiseOptions): void {
  const { kernel, filters, gamma, movingVariance } = layer;
  const kept = filterRows(kernel).filter((_, f) => !dropped.has(f));
  const random = new Random(deriveSeed(seed, 'filters', layer.name));
  const { rows } = refillFilters([...dropped.values()], kept, { scaling, random });
  changeWeight(kernel, (values) => {
    [...dropped.keys()].forEach((f, i) => rows[i].forEach((value, entry) => (values[entry * filters + f] = value)));
  });
  if (seedBias) return;
  for (const weight of [gamma, movingVariance]) {
    if (weight) changeWeight(weight, (values) => [...dropped.keys()].forEach((f) => (values[f] = 1)));
  }
}

/** Sets the weights that read the channels of dropped filters, of all filters of the next layers. */
function resetReaders(layer: FilterLayer, dropped: DroppedFilters, { nextLayer, seed }: ReinitialiseOptions): void {
  const { readers, summed, mixed } = layer.flow();
  // A channel that is added to others, or mixed with them, shares its readers with them.
  if (nextLayer === 'keep' || summed || mixed) return;
  for (const { layer: reader, inputsOf } of readers) {
    const kernel = weightOf(reader, 'kernel')!;
    const random = new Random(deriveSeed(seed, 'readers', layer.name, reader.name));
    const [inputs, outputs] = kernel.shape.slice(-2) as number[];
    changeWeight(kernel, (values) => {
      const rows = values.length / outputs;
      const start = (): number => (nextLayer === 'zero' ? 0 : (2 * random.next() - 1) / Math.sqrt(rows));
      for (const input of [...dropped.keys()].flatMap(inputsOf)) {
        // The kernel's rows repeat the inputs for each place of its window.
        for (let row = input; row < rows; row += inputs) {
          for (let o = 0; o < outputs; o++) values[row * outputs + o] = start();
        }
      }
    });
  }
}

/** Brings filters back: all layers' own weights first, then the weights that read them. */
export function reinitialise(
  pruned: readonly { layer: FilterLayer; dropped: DroppedFilters }[],
  options: ReinitialiseOptions,
): void {
  for (const { layer, dropped } of pruned) refill(layer, dropped, options);
  for (const { layer, dropped } of pruned) resetReaders(layer, dropped, options);
}
