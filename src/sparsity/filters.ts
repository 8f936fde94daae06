import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { flowFrom, type ChannelFlow } from '../graph/channelFlow.js';
import { isConvolution, kernelGeometry, normBehind, weightOf } from '../graph/kernels.js';
import { inLayerOrder, networkGraph, nodeOf } from '../graph/networkGraph.js';
import type { Weight } from '../layers/layer.js';
import type { WeightMasks } from './weightMasks.js';

/** A convolution with everything that exists once for each of its filters. */
export interface FilterLayer {
  /** Its name in the network. */
  name: string;
  /** [k, k, in, filters] */
  kernel: Weight;
  filters: number;
  /** Entries of one filter: k * k * in. */
  fanIn: number;
  /** [filters] each: its bias, and the weights of the batch norm behind it, if any. */
  bias?: Weight;
  gamma?: Weight;
  beta?: Weight;
  movingMean?: Weight;
  movingVariance?: Weight;
  /** Where its channels go. Throws a UserError for a layer on the way that cannot be followed. */
  flow: () => ChannelFlow;
}

/**
 * The convolutions of a model that have more than one filter, so that some can go, ours and those of tf.layers. Throws a
 * UserError that names the layer for one whose filters are not known (`kernelGeometry`), and for one used more than once.
 */
export function filterLayers(model: tf.LayersModel): FilterLayer[] {
  const graph = networkGraph(model);
  return inLayerOrder(graph).flatMap((node): FilterLayer[] => {
    const { layer, name } = node;
    const geometry = kernelGeometry(layer, node.outputShape);
    const kernel = weightOf(layer, 'kernel');
    if (!geometry || !kernel || !isConvolution(layer) || geometry.outputs < 2) return [];
    nodeOf(graph, layer);
    const norm = normBehind(node)?.layer;
    const ofNorm = (which: string): Weight | undefined => norm && weightOf(norm, which);
    return [
      {
        name,
        kernel,
        filters: geometry.outputs,
        fanIn: geometry.window * geometry.inputs,
        bias: weightOf(layer, 'bias'),
        gamma: ofNorm('gamma'),
        beta: ofNorm('beta'),
        movingMean: ofNorm('movingMean'),
        movingVariance: ofNorm('movingVariance'),
        flow: () => flowFrom(node),
      },
    ];
  });
}

/** The same of a model that has any. Throws a UserError that says what `method` needs for one that has none. */
export function someFilterLayers(model: tf.LayersModel, method: string): FilterLayer[] {
  const layers = filterLayers(model);
  if (layers.length > 0) return layers;
  throw new UserError(`${model.name} has no convolutions with more than one filter, which ${method} chooses among.`);
}

/** The filters of a kernel [k, k, in, filters] as rows of k * k * in entries. */
export function filterRows(kernel: Weight): Float64Array[] {
  const filters = kernel.shape.at(-1) as number;
  const values = kernel.read().dataSync<'float32'>();
  return Array.from({ length: filters }, (_, f) =>
    Float64Array.from({ length: values.length / filters }, (_, i) => values[i * filters + f]),
  );
}

/** Masks all that a layer's closed filters consist of, 0 in `mask` [filters]: the kernel alone, or all they have. */
export function maskFilters(masks: WeightMasks, layer: FilterLayer, mask: Float32Array, kernelOnly = false): void {
  const { kernel, bias, gamma, beta, movingMean } = layer;
  for (const weight of kernelOnly ? [kernel] : [kernel, bias, gamma, beta, movingMean]) {
    if (!weight) continue;
    // The filter is the last axis of each.
    const values = Float32Array.from({ length: weight.read().size }, (_, i) => mask[i % mask.length]);
    masks.set(weight, values);
  }
}
