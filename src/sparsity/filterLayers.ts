import type * as tf from '@tensorflow/tfjs';
import { BatchNorm } from '../layers/batchNorm.js';
import { Conv2d } from '../layers/conv2d.js';
import type { Weight } from '../layers/layer.js';
import { channelFlow, type ChannelFlow } from '../models/channelFlow.js';
import { consumersOf, type Layer } from '../models/layerGraph.js';
import type { WeightMasks } from './weightMasks.js';

/** A convolution with everything that exists once for each of its filters. */
export interface FilterLayer {
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
  /** Where its channels go. */
  flow: ChannelFlow;
}

/** A layer's weight by the end of its name, such as 'kernel'. */
export function weightOf(layer: Layer, name: string): Weight | undefined {
  return layer.weights.find(({ originalName }) => originalName.endsWith(`/${name}`));
}

/** The convolutions of a model that have more than one filter, so that some can go. */
export function filterLayers(model: tf.LayersModel): FilterLayer[] {
  return model.layers
    .filter((layer): layer is Conv2d => layer instanceof Conv2d && layer.filters > 1)
    .map((layer) => {
      const kernel = weightOf(layer, 'kernel')!;
      const norm = consumersOf(model, layer).find((next) => next instanceof BatchNorm);
      const ofNorm = (name: string): Weight | undefined => norm && weightOf(norm, name);
      return {
        name: layer.name,
        kernel,
        filters: layer.filters,
        fanIn: kernel.read().size / layer.filters,
        bias: weightOf(layer, 'bias'),
        gamma: ofNorm('gamma'),
        beta: ofNorm('beta'),
        movingMean: ofNorm('movingMean'),
        movingVariance: ofNorm('movingVariance'),
        flow: channelFlow(model, layer),
      };
    });
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
