import * as tf from '@tensorflow/tfjs';
import type { ChannelGraph, ChannelNode } from '../../graph/channelGraph.js';
import { activationOf, channelwiseKind } from '../../graph/layerRole.js';
import { imageOf, windowsOf } from '../../graph/kernels.js';
import {
  addMaps,
  commonValues,
  concatMaps,
  flattenMap,
  mapValues,
  moveWindow,
  overImage,
  uniformMap,
  type ConstantMap,
} from './constantMap.js';
import { valuesOf, type KernelWeights, type NetworkWeights } from './layerWeights.js';
import type { ChannelFlags } from './liveChannels.js';

/** What each layer's channels put out that depend on no input; 0 for those that do. */
export type Constants = Map<ChannelNode, ConstantMap>;

/** Whether a constant is followed past the image's border exactly, or as if there were none (as the ISTA project does). */
export type BorderRule = 'exact' | 'interior';

/** What a kernel makes of a map, without its bias: border-aware unless the rule says otherwise. */
export function convolveMap(
  node: ChannelNode,
  { values, inputs, outputs, window }: KernelWeights,
  map: ConstantMap,
  rule: BorderRule,
): ConstantMap {
  const add = (tap: number, from: ArrayLike<number>, place: number, out: Float64Array): void => {
    for (let c = 0; c < inputs; c++) {
      const value = from[place + c];
      if (value === 0) continue;
      const row = (tap * inputs + c) * outputs;
      for (let o = 0; o < outputs; o++) out[o] += value * values[row + o];
    }
  };
  if (rule === 'exact') {
    return moveWindow(map, windowsOf(node), outputs, (taps, out) => {
      for (const { tap, place } of taps) add(tap, map.values, place, out);
    });
  }
  const out = new Float64Array(outputs);
  for (let tap = 0; tap < window; tap++) add(tap, commonValues(map), 0, out);
  return uniformMap(out, imageOf(node.outputShape));
}

/** Follows constants from layer to layer, in double precision. */
export function constants(
  { nodes }: ChannelGraph,
  weights: NetworkWeights,
  live: ChannelFlags,
  rule: BorderRule,
): Constants {
  const found: Constants = new Map();
  for (const node of nodes) {
    const alive = live.get(node) ?? [];
    const inputs = node.inputs.map((input) => found.get(input) ?? zeroMap(input));
    const map = alive.every((flag) => flag) ? zeroMap(node) : constantOf(node, inputs, weights, rule);
    found.set(
      node,
      mapValues(map, (value, c) => (alive[c] ? 0 : value)),
    );
  }
  return found;
}

/** A map of a layer's output at 0. */
export function zeroMap({ outputShape, channels }: ChannelNode): ConstantMap {
  return uniformMap(new Float64Array(channels), imageOf(outputShape));
}

function constantOf(
  node: ChannelNode,
  inputs: ConstantMap[],
  { kernels, norms, gates }: NetworkWeights,
  rule: BorderRule,
): ConstantMap {
  const [input] = inputs;
  const kernel = kernels.get(node);
  if (kernel) {
    const sum = convolveMap(node, kernel, input, rule);
    return activate(
      node,
      mapValues(sum, (value, c) => value + (kernel.bias?.[c] ?? 0)),
    );
  }
  const norm = norms.get(node);
  if (norm) {
    const { mean, variance, gamma, beta, epsilon } = norm;
    const scale = mean.map((_, c) => (gamma?.[c] ?? 1) / Math.sqrt(variance[c] + epsilon));
    return activate(
      node,
      mapValues(input, (value, c) => (value - mean[c]) * scale[c] + (beta?.[c] ?? 0)),
    );
  }
  switch (node.role) {
    case 'gate':
      return mapValues(input, (value, c) => value * (gates.get(node)?.[c] ?? 1));
    case 'add':
      return addMaps(inputs);
    case 'concat':
      return concatMaps(inputs);
    case 'flatten':
      return flattenMap(input);
    case 'channelwise':
      return channelwise(node, input, rule);
    default:
      return zeroMap(node);
  }
}

/** The activation that a kernel or batch norm ends with. */
function activate({ layer }: ChannelNode, map: ConstantMap): ConstantMap {
  const activation = activationOf(layer);
  if (activation === 'linear') return map;
  if (activation === 'relu') return mapValues(map, (value) => Math.max(0, value));
  return applyTo(map, tf.layers.activation({ activation: activation as 'tanh' }));
}

/** A layer that treats every value alike, asked for the values of a map. */
function applyTo(map: ConstantMap, layer: tf.layers.Layer): ConstantMap {
  const values = tf.tidy(() => (layer.call(tf.tensor1d(Float32Array.from(map.values)), {}) as tf.Tensor).dataSync());
  return { ...map, values: Float64Array.from(values) };
}

function channelwise(node: ChannelNode, map: ConstantMap, rule: BorderRule): ConstantMap {
  const { layer } = node;
  const name = layer.getClassName();
  switch (channelwiseKind(layer)) {
    case 'elementwise':
      return applyTo(map, layer);
    case 'global':
      return overImage(map, name === 'GlobalMaxPooling2D' ? 'max' : 'mean');
    case 'biasMap': {
      const { rows, columns } = layer.getConfig() as { rows: number[]; columns: number[] };
      const values = Float64Array.from(valuesOf(layer, 'map') ?? []);
      return addMaps([map, { rows, columns, channels: map.channels, values }]);
    }
    case 'window': {
      const pooled = moveWindow(map, windowsOf(node), map.channels, (taps, out) => {
        for (let c = 0; c < out.length; c++) {
          const seen = taps.map(({ place }) => map.values[place + c]);
          // Outside the image, a maximum sees nothing and an average counts nothing.
          if (name.startsWith('Max')) out[c] = Math.max(...seen);
          else out[c] = seen.reduce((sum, value) => sum + value, 0) / Math.max(1, seen.length);
        }
      });
      return rule === 'exact' ? pooled : uniformMap(commonValues(pooled), imageOf(node.outputShape));
    }
    default:
      return map;
  }
}
