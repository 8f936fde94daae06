import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { leafLayers, weightNames, type Layer } from '../../graph/names.js';
import { networkGraph, type LayerNode, type NetworkGraph } from '../../graph/networkGraph.js';
import { windowsOf } from '../../graph/kernels.js';
import { BatchNorm } from '../../layers/batchNorm.js';
import { BiasMap } from '../../layers/biasMap.js';
import { Conv2d } from '../../layers/conv2d.js';
import type { Gate } from '../../layers/gate.js';
import { GatedConv2d } from '../../layers/gatedConv2d.js';
import { L0Gate } from '../../layers/l0Gate.js';
import { MaxPool2d } from '../../layers/maxPool2d.js';
import { bordersOf } from '../../layers/padding.js';
import { withoutValues } from './topology.js';

const ours = [BatchNorm, BiasMap, Conv2d, GatedConv2d, L0Gate, MaxPool2d];

/** The classes of this package that a network has, by name. */
export function ownClasses(model: tf.LayersModel): string[] {
  const found = leafLayers(model).filter((layer) => ours.some((kind) => layer instanceof kind));
  return [...new Set(found.map((layer) => layer.getClassName()))].sort();
}

/**
 * A network that computes the same at inference, with tf's own layers in place of ours wherever they can say it:
 *
 * - a convolution becomes Conv2D, with 'same' padding where its border is that one, or else a ZeroPadding2D in front;
 * - a pooling becomes MaxPooling2D likewise; but where its border is another one, zeros can stand for it only if what it reads is
 *   never below 0, so that it stays ours otherwise;
 * - a batch norm becomes BatchNormalization, with an Activation behind it for its ReLU;
 * - a gate that is open everywhere goes; other gates and BiasMaps stay ours.
 *
 * Networks inside are laid open, and weights get the names of `namedWeights`. The network itself where it has none of our
 * layers and no two weights of one name; or else the caller disposes it. Throws a UserError for a layer that gives several tensors.
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
  const free = freeNames(nodes);
  const copies = new Map<Layer, Layer[]>();
  for (const node of inner) {
    if (node.tensors !== 1) {
      throw new UserError(
        `The layer ${node.name} (${node.layer.getClassName()}) gives ${node.tensors} tensors; networks with layers of this ` +
          'package are saved where each layer gives one. Use saveSafetensors.',
      );
    }
    const known = copies.get(node.layer);
    const places = known ? [] : inner.filter(({ layer }) => layer === node.layer);
    const layers = known ?? standardLayers(places, positive, free);
    let x: tf.SymbolicTensor | tf.SymbolicTensor[] = at(node.inputs);
    for (const layer of layers) x = layer.apply(x) as tf.SymbolicTensor;
    tensors.set(node, [x].flat()[0]);
    copies.set(node.layer, layers);
    if (!known) takeWeights(layers, node.layer);
  }
  return tf.model({ name: model.name, inputs: at(inputs), outputs: at(outputs) });
}

/** Gives the layer that stands for another one its weights; a gate's, which come last, only to one that has gates too. */
function takeWeights(layers: Layer[], from: Layer): void {
  const to = layers.find(({ weights }) => weights.length > 0);
  to?.setWeights(from.getWeights().slice(0, to.weights.length));
}

/** What makes names of layers that no other layer has. */
function freeNames(nodes: LayerNode[]): (name: string) => string {
  const used = new Set(nodes.map(({ name }) => name));
  return (wanted) => {
    let name = wanted;
    for (let i = 2; used.has(name); i++) name = `${wanted}_${i}`;
    used.add(name);
    return name;
  };
}

/** The layers that do, one behind the other, what a layer does at all of its places. */
function standardLayers(
  places: LayerNode[],
  positive: ReadonlySet<LayerNode>,
  free: (name: string) => string,
): Layer[] {
  const { layer, name } = places[0];
  const { trainable } = layer;
  if (isGate(layer) && isOpen(layer)) {
    if (layer instanceof L0Gate) return [];
  } else if (layer instanceof L0Gate || layer instanceof GatedConv2d) return [copyOf(layer, name)];
  if (layer instanceof Conv2d) {
    const { filters, kernelSize, strides, useBias, activation } = layer;
    const settings = { name, trainable, filters, kernelSize, strides, useBias, activation };
    return bordered(places, free, (padding) => tf.layers.conv2d({ ...settings, padding }));
  }
  if (layer instanceof MaxPool2d) {
    const zerosLose = places.every(({ inputs }) => positive.has(inputs[0]));
    if (typeof borderOf(places) !== 'string' && !zerosLose) return [copyOf(layer, name)];
    const { poolSize, strides } = layer;
    return bordered(places, free, (padding) => tf.layers.maxPooling2d({ name, poolSize, strides, padding }));
  }
  if (layer instanceof BatchNorm) {
    const { epsilon, scale, center, activation } = layer;
    // Here the share of what is new, there of what was before.
    const momentum = 1 - layer.momentum;
    const norm = tf.layers.batchNormalization({ name, trainable, epsilon, momentum, scale, center });
    return activation === 'linear' ? [norm] : [norm, tf.layers.activation({ name: free(`${name}_relu`), activation })];
  }
  return [copyOf(layer, name)];
}

function copyOf(layer: Layer, name: string): Layer {
  const kind = layer.constructor as tf.serialization.SerializableConstructor<Layer>;
  return kind.fromConfig(kind, { ...layer.getConfig(), name });
}

const isGate = (layer: Layer): layer is Gate => layer instanceof L0Gate || layer instanceof GatedConv2d;

/** Whether a gate multiplies by nothing but 1. */
const isOpen = (gate: Gate): boolean => tf.tidy(() => gate.inferenceMask().min().dataSync()[0] === 1);

type Border = 'same' | 'valid' | [number, number][];

/** A layer with a window, and a ZeroPadding2D in front of it where its border is none that the layer makes itself. */
function bordered(
  places: LayerNode[],
  free: (name: string) => string,
  make: (padding: 'same' | 'valid') => Layer,
): Layer[] {
  const border = borderOf(places);
  if (typeof border === 'string') return [make(border)];
  const padding = border as [[number, number], [number, number]];
  return [tf.layers.zeroPadding2d({ name: free(`${places[0].name}_border`), padding }), make('valid')];
}

/** The border that a layer has at all of its places. */
function borderOf(places: LayerNode[]): Border {
  const { padding } = places[0].layer as Conv2d | MaxPool2d;
  if (typeof padding === 'string') return padding;
  const windows = places.map(windowsOf);
  const border = windows[0].map(({ before, after }): [number, number] => [before, after]);
  if (border.flat().every((side) => side === 0)) return 'valid';
  const isSame = windows.flat().every(({ input, size, stride, before, after }) => {
    // With steps, which border is the same one depends on the size of the image, which is 0 where it is not known.
    const same = bordersOf(input, size, stride, 'same', 0);
    return (input > 0 || stride === 1) && same[0] === before && same[1] === after;
  });
  return isSame ? 'same' : border;
}

const notNegative = ['relu', 'relu6', 'sigmoid', 'hardSigmoid', 'softplus', 'softmax'];
/** Layers that give nothing below 0 where they read nothing below 0. */
const keepingSign = [
  ...['Activation', 'Add', 'Multiply', 'Average', 'Maximum', 'Minimum', 'Concatenate', 'Flatten', 'Reshape', 'Dropout'],
  ...['MaxPool2d', 'MaxPooling2D', 'AveragePooling2D', 'GlobalAveragePooling2D', 'GlobalMaxPooling2D', 'ZeroPadding2D'],
  ...['UpSampling2D', 'L0Gate', 'SpatialDropout1D', 'LeakyReLU', 'PReLU'],
];

/** The places of a network, read from its input on, that never give anything below 0. */
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
