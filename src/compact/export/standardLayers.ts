import * as tf from '@tensorflow/tfjs';
import { computedValues } from '../../backend/readable.js';
import { UserError } from '../../errors.js';
import { freeName, leafLayers, weightNames, type Layer } from '../../graph/names.js';
import { networkGraph, type LayerNode, type NetworkGraph } from '../../graph/networkGraph.js';
import { windowsOf } from '../../graph/kernels.js';
import { BatchNorm } from '../../layers/batchNorm.js';
import { BiasMap } from '../../layers/biasMap.js';
import { copyLayer } from '../../layers/completeConfigs.js';
import { Conv2d } from '../../layers/conv2d.js';
import type { Gate } from '../../layers/gate.js';
import { GatedConv2d } from '../../layers/gatedConv2d.js';
import { L0Gate } from '../../layers/l0Gate.js';
import { MaxPool2d } from '../../layers/maxPool2d.js';
import { bordersOf } from '../../layers/padding.js';
import { QuantizedConv2d, QuantizedDense } from '../../layers/quantized.js';
import { withoutValues } from './topology.js';

const ours = [BatchNorm, BiasMap, Conv2d, GatedConv2d, L0Gate, MaxPool2d, QuantizedConv2d, QuantizedDense];

/** The names of this package's classes that a network uses. */
export function ownClasses(model: tf.LayersModel): string[] {
  const found = leafLayers(model).filter((layer) => ours.some((kind) => layer instanceof kind));
  return [...new Set(found.map((layer) => layer.getClassName()))].sort();
}

/**
 * Returns a network that computes the same at inference, with tf's own layers in place of ours wherever possible:
 *
 * - a convolution becomes Conv2D, with 'same' padding if that gives the same border, or else after a ZeroPadding2D;
 * - a max pooling becomes MaxPooling2D likewise; but with another border, zeros can replace it only if its input is
 *   never below 0, and it stays ours otherwise;
 * - a batch norm becomes BatchNormalization, followed by an Activation for its ReLU;
 * - a BiasMap over images becomes the sum with a Conv2D over ones (`kernelOfBiasMap`);
 * - a gate that is open everywhere is removed; other gates stay ours.
 *
 * Nested networks are flattened, and weights get the names of `namedWeights`. Returns the network itself if it has none
 * of our layers and no two weights of the same name; otherwise the caller disposes the result. Throws a UserError for a
 * layer that returns several tensors.
 */
export function standardModel(model: tf.LayersModel): tf.LayersModel {
  const sameName = [...weightNames(model)].some(([{ originalName }, name]) => originalName !== name);
  if (ownClasses(model).length === 0 && !sameName) return model;
  return withoutValues(Infinity, () => rebuilt(networkGraph(model)));
}

function rebuilt({ model, nodes, inputs, outputs }: NetworkGraph): tf.LayersModel {
  const tensors = new Map<LayerNode, tf.SymbolicTensor>();
  const at = (list: LayerNode[]): tf.SymbolicTensor[] => list.map((node) => tensors.get(node)!);
  for (const node of inputs) {
    const { name, layer, outputShape: batchShape } = node;
    tensors.set(node, tf.input({ name, batchShape, dtype: layer.dtype }));
  }
  const inner = nodes.filter((node) => !inputs.includes(node));
  const positive = neverNegative(nodes);
  const used = new Set(nodes.map(({ name }) => name));
  const parts = new Map<Layer, Part>();
  for (const node of inner) {
    const { layer, name } = node;
    if (node.tensors !== 1) {
      throw new UserError(
        `The layer ${name} (${layer.getClassName()}) gives ${node.tensors} tensors; a network with layers of this package is ` +
          'saved in this format where each layer gives one. Use saveSafetensors.',
      );
    }
    const places = inner.filter((other) => other.layer === layer);
    const part = parts.get(layer) ?? standardPart(places, positive, used);
    parts.set(layer, part);
    tensors.set(node, part(at(node.inputs)));
  }
  return tf.model({ name: model.name, inputs: at(inputs), outputs: at(outputs) });
}

/** Applies the layers that replace a layer to its inputs, and copies the layer's weights to them. */
type Part = (inputs: tf.SymbolicTensor[]) => tf.SymbolicTensor;

/** The replacement of a layer, the same for all of its places. */
function standardPart(places: LayerNode[], positive: ReadonlySet<LayerNode>, used: Set<string>): Part {
  const { layer, name } = places[0];
  const { trainable } = layer;
  const same = (): Part => chain(layer, copyLayer(layer, name));
  if (layer instanceof L0Gate) return isOpen(layer) ? chain(layer) : same();
  if (layer instanceof GatedConv2d && !isOpen(layer)) return same();
  if (layer instanceof Conv2d) {
    const { filters, kernelSize, strides, useBias, activation } = layer;
    const settings = { name, trainable, filters, kernelSize, strides, useBias, activation };
    return bordered(places, used, (padding) => tf.layers.conv2d({ ...settings, padding }));
  }
  if (layer instanceof MaxPool2d) {
    const zerosLose = places.every(({ inputs }) => positive.has(inputs[0]));
    if (typeof borderOf(places) !== 'string' && !zerosLose) return same();
    const { poolSize, strides } = layer;
    return bordered(places, used, (padding) => tf.layers.maxPooling2d({ name, poolSize, strides, padding }));
  }
  if (layer instanceof BatchNorm) {
    const { epsilon, scale, center, activation } = layer;
    // Our momentum is the share of the new value, tf.layers' the share of the old one.
    const momentum = 1 - layer.momentum;
    const norm = tf.layers.batchNormalization({ name, trainable, epsilon, momentum, scale, center });
    if (activation === 'linear') return chain(layer, norm);
    return chain(layer, norm, tf.layers.activation({ name: freeName(used, `${name}_relu`), activation }));
  }
  return layer instanceof BiasMap && places[0].outputShape.length === 4 ? biasMap(layer, name, used) : same();
}

/**
 * Layers applied in order; the first one that has weights gets those of `from`, which include a gate's (its last ones)
 * only if the new layer has gates.
 */
function chain(from: Layer, ...layers: Layer[]): Part {
  return (inputs) => {
    const y = layers.reduce<tf.SymbolicTensor | tf.SymbolicTensor[]>(
      (x, layer) => layer.apply(x) as tf.SymbolicTensor,
      inputs.length === 1 ? inputs[0] : inputs,
    );
    const to = layers.find(({ weights }) => weights.length > 0);
    to?.setWeights(from.getWeights().slice(0, to.weights.length));
    return y as tf.SymbolicTensor;
  };
}

/** Adds a convolution over ones; another convolution, with kernel 0 and bias 1, makes the ones from the image. */
function biasMap(layer: BiasMap, name: string, used: Set<string>): Part {
  const { trainable } = layer;
  const [height, width, , filters] = tf.tidy(() => kernelOfBiasMap(layer).shape);
  const ones = tf.layers.conv2d({ name: freeName(used, `${name}_ones`), filters: 1, kernelSize: 1, trainable: false });
  const values = tf.layers.conv2d({
    ...{ name: freeName(used, `${name}_values`), trainable, filters, useBias: false },
    ...{ kernelSize: [height, width], padding: 'same' },
  });
  const sum = tf.layers.add({ name });
  return ([x]) => {
    const y = sum.apply([x, values.apply(ones.apply(x)) as tf.SymbolicTensor]) as tf.SymbolicTensor;
    tf.tidy(() => {
      ones.setWeights([tf.zerosLike(ones.getWeights()[0]), tf.ones([1])]);
      values.setWeights([kernelOfBiasMap(layer)]);
    });
    return y;
  };
}

const isOpen = (gate: Gate): boolean => computedValues(() => gate.inferenceMask().min())[0] === 1;

type Border = 'same' | 'valid' | [number, number][];

/** A layer with a window, after a ZeroPadding2D if the layer cannot make its border itself. */
function bordered(places: LayerNode[], used: Set<string>, make: (padding: 'same' | 'valid') => Layer): Part {
  const [{ layer, name }] = places;
  const border = borderOf(places);
  if (typeof border === 'string') return chain(layer, make(border));
  const padding = border as [[number, number], [number, number]];
  return chain(layer, tf.layers.zeroPadding2d({ name: freeName(used, `${name}_border`), padding }), make('valid'));
}

/** The border of a layer, the same at all of its places. */
function borderOf(places: LayerNode[]): Border {
  const { padding } = places[0].layer as Conv2d | MaxPool2d;
  if (typeof padding === 'string') return padding;
  const windows = places.map(windowsOf);
  const border = windows[0].map(({ before, after }): [number, number] => [before, after]);
  if (border.flat().every((side) => side === 0)) return 'valid';
  const isSame = windows.flat().every(({ input, size, stride, before, after }) => {
    // With a stride above 1, the border of 'same' depends on the size of the image, which is 0 if unknown.
    const same = bordersOf(input, size, stride, 'same', 0);
    return (input > 0 || stride === 1) && same[0] === before && same[1] === after;
  });
  return isSame ? 'same' : border;
}

const notNegative = ['relu', 'relu6', 'sigmoid', 'hardSigmoid', 'softplus', 'softmax'];
/** Layers whose output is never below 0 if their inputs are not. */
const keepingSign = [
  ...['Activation', 'Add', 'Multiply', 'Average', 'Maximum', 'Minimum', 'Concatenate', 'Flatten', 'Reshape', 'Dropout'],
  ...['MaxPool2d', 'MaxPooling2D', 'AveragePooling2D', 'GlobalAveragePooling2D', 'GlobalMaxPooling2D', 'ZeroPadding2D'],
  ...['UpSampling2D', 'Cropping2D', 'L0Gate', 'SpatialDropout1D', 'LeakyReLU', 'PReLU'],
];

/** The places of a network whose output is never below 0, found from the inputs on. */
function neverNegative(nodes: LayerNode[]): Set<LayerNode> {
  const found = new Set<LayerNode>();
  for (const node of nodes) {
    const kind = node.layer.getClassName();
    const activation = (node.layer.getConfig().activation ?? 'linear') as string;
    const kept =
      keepingSign.includes(kind) && activation === 'linear' && node.inputs.every((input) => found.has(input));
    if (kept || notNegative.includes(activation) || kind === 'ReLU' || kind === 'Softmax') found.add(node);
  }
  return found;
}

/**
 * The kernel [h, w, 1, C] of a convolution with 'same' padding that turns an image [H, W, 1] of ones into a BiasMap's
 * values [H, W, C]. Near the border some taps see the zeros around the image, which makes places differ. The caller
 * disposes it.
 */
export function kernelOfBiasMap(layer: BiasMap): tf.Tensor4D {
  return tf.tidy(() => {
    const map = layer.weights[0].read() as tf.Tensor3D;
    const down = tf.einsum('ir,rsc->isc', tf.tensor2d(tapsOf(layer.rows)), map);
    return tf.einsum('js,isc->ijc', tf.tensor2d(tapsOf(layer.columns)), down).expandDims(2);
  });
}

/**
 * The weight of each stored row in each tap of a window along an axis, [taps, rows]. With f(h) the value at place h of
 * n, m the middle, and [..] 1 if a tap lies inside the image and 0 if not,
 *
 * f(h) = f(0) + f(n - 1) - f(m) + sum_{0 < i <= m} (f(i) - f(i - 1)) [h - i >= 0] + sum_{m < i < n} (f(i - 1) - f(i))
 * [h + n - i < n].
 *
 * Values differ only near the border, so few of the differences are not 0.
 */
function tapsOf(rows: readonly number[]): number[][] {
  const n = rows.length;
  const middle = Math.floor(n / 2);
  const changes = rows.flatMap((row, i) => (i > 0 && row !== rows[i - 1] ? [i] : []));
  const offset = (i: number): number => (i <= middle ? -i : n - i);
  const reach = Math.max(0, ...changes.map((i) => Math.abs(offset(i))));
  const taps = Array.from({ length: 2 * reach + 1 }, () => Array<number>(Math.max(...rows) + 1).fill(0));
  const take = (tap: number, place: number, share: number): void => void (taps[reach + tap][rows[place]] += share);
  take(0, 0, 1);
  take(0, n - 1, 1);
  take(0, middle, -1);
  for (const i of changes) {
    const sign = i <= middle ? 1 : -1;
    take(offset(i), i, sign);
    take(offset(i), i - 1, -sign);
  }
  return taps;
}
