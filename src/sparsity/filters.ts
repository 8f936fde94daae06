import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { kernelGeometry, normBehind, weightOf } from '../graph/kernels.js';
import { inLayerOrder, networkGraph, nodeOf } from '../graph/networkGraph.js';
import type { Weight } from '../layers/layer.js';
import type { WeightMasks } from './weightMasks.js';

/** A convolution with everything that exists once per filter. */
export interface FilterLayer {
  /** Its name in the network. */
  name: string;
  /** The kernel with the filters; in a separable convolution the pointwise kernel. */
  kernel: Weight;
  /** Returns the filter that a kernel entry, given by its flat index, belongs to. */
  filterOf: (entry: number) => number;
  filters: number;
  /** Entries of one filter. */
  fanIn: number;
  /** [filters] each: the bias, and the weights of the batch norm that follows, if any. */
  bias?: Weight;
  gamma?: Weight;
  beta?: Weight;
  movingMean?: Weight;
  movingVariance?: Weight;
}

/**
 * Returns the convolutions of a model that are trained and have more than one filter, so that some can be removed: ours
 * and those of tf.layers, including transposed and separable ones. Depthwise convolutions, whose filters see one
 * channel each, are included only if `depthwise` is true. Throws a UserError that names a layer whose filters are not
 * known (`kernelGeometry`) or that is used more than once.
 */
export function filterLayers(model: tf.LayersModel, { depthwise = false } = {}): FilterLayer[] {
  const graph = networkGraph(model);
  const trained = new Set(model.trainableWeights);
  return inLayerOrder(graph).flatMap((node): FilterLayer[] => {
    const { layer, name, outputShape } = node;
    const geometry = kernelGeometry(layer, outputShape);
    if (!geometry || layer.getClassName() === 'Dense' || geometry.outputs < 2) return [];
    if (geometry.multiplier !== undefined && !depthwise) return [];
    const { weight: kernel, outputOf } = geometry.kernels.at(-1)!;
    if (!trained.has(kernel)) return [];
    nodeOf(graph, layer);
    const norm = normBehind(node)?.layer;
    const ofNorm = (which: string): Weight | undefined => norm && weightOf(norm, which);
    return [
      {
        name,
        kernel,
        filterOf: outputOf!,
        filters: geometry.outputs,
        fanIn: kernel.read().size / geometry.outputs,
        bias: weightOf(layer, 'bias'),
        gamma: ofNorm('gamma'),
        beta: ofNorm('beta'),
        movingMean: ofNorm('movingMean'),
        movingVariance: ofNorm('movingVariance'),
      },
    ];
  });
}

/** `filterLayers`, but throws a UserError that names `method` if there are none. */
export function someFilterLayers(model: tf.LayersModel, method: string, options = {}): FilterLayer[] {
  const layers = filterLayers(model, options);
  if (layers.length > 0) return layers;
  throw new UserError(
    `${model.name} must have convolutions that are trained, of two filters or more, for ${method} to choose from; it has none.`,
  );
}

/**
 * Returns the filters of a kernel as rows of entries, in the kernel's order. By default the last axis is the filters.
 */
export function filterRows(
  kernel: Weight,
  filters = kernel.shape.at(-1) as number,
  filterOf = (entry: number): number => entry % filters,
): Float64Array[] {
  const values = kernel.read().dataSync<'float32'>();
  const rows = Array.from({ length: filters }, () => new Float64Array(values.length / filters));
  const filled = new Uint32Array(filters);
  values.forEach((value, entry) => {
    const filter = filterOf(entry);
    rows[filter][filled[filter]++] = value;
  });
  return rows;
}

/** Returns the filters of a layer as rows. */
export function rowsOf({ kernel, filters, filterOf }: FilterLayer): Float64Array[] {
  return filterRows(kernel, filters, filterOf);
}

/**
 * Masks the filters that are 0 in `mask` [filters]: their kernel entries and, unless `kernelOnly`, bias and batch norm.
 */
export function maskFilters(masks: WeightMasks, layer: FilterLayer, mask: Float32Array, kernelOnly = false): void {
  const { kernel, filterOf, bias, gamma, beta, movingMean } = layer;
  const entries = Float32Array.from({ length: kernel.read().size }, (_, entry) => mask[filterOf(entry)]);
  masks.set(kernel, entries);
  if (kernelOnly) return;
  for (const weight of [bias, gamma, beta, movingMean]) if (weight) masks.set(weight, mask);
}
