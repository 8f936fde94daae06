import { UserError } from '../errors.js';
import { kernelGeometry } from './kernels.js';
import type { Layer } from './names.js';
import type { LayerNode } from './networkGraph.js';

/**
 * What a layer does with channels.
 *
 * - `kernel`: every output channel is computed from all input channels (convolution, dense);
 * - `norm`, `gate`, `channelwise`: output channel c is computed from input channel c alone;
 * - `add`: output channel c is the sum of the inputs' channels c;
 * - `concat`: the inputs' channels one after another;
 * - `flatten`: each channel once for each position, the channel fastest;
 * - `mix`: channels depend on each other, as in softmax, and none can be taken away.
 */
export type LayerRole = 'input' | 'kernel' | 'norm' | 'gate' | 'channelwise' | 'add' | 'concat' | 'flatten' | 'mix';

const roles: Record<string, LayerRole> = {
  InputLayer: 'input',
  Conv2d: 'kernel',
  Conv2D: 'kernel',
  GatedConv2d: 'kernel',
  Dense: 'kernel',
  BatchNorm: 'norm',
  BatchNormalization: 'norm',
  L0Gate: 'gate',
  Add: 'add',
  Concatenate: 'concat',
  Flatten: 'flatten',
  Softmax: 'mix',
};

/** Layers that apply one function to every value. */
const elementwise = ['Activation', 'ReLU', 'LeakyReLU', 'ELU', 'ThresholdedReLU'];
/** Layers that do something in training only. */
const idle = [
  'Dropout',
  'SpatialDropout1D',
  'GaussianNoise',
  'GaussianDropout',
  'AlphaDropout',
  'ActivityRegularization',
];
const windows = ['MaxPool2d', 'MaxPooling2D', 'AveragePooling2D', 'ZeroPadding2D'];
const globalPools = ['GlobalAveragePooling2D', 'GlobalMaxPooling2D'];
/** Channels, rows and columns are followed one by one: more than these are not. */
const most = { channels: 2 ** 20, side: 4096 };
/** Activations of tf.layers, by name, that treat every value alike: channels stay what they are. */
const elementwiseActivations = [
  'linear',
  'relu',
  'relu6',
  'elu',
  'selu',
  'sigmoid',
  'hardSigmoid',
  'softplus',
  'softsign',
  'tanh',
  'swish',
  'mish',
  'gelu',
  'gelu_new',
];
/** Activations that compute every channel from all of them. */
const mixingActivations = ['softmax', 'logSoftmax'];

/** What a channelwise layer does with the values of a channel. */
export type ChannelwiseKind = 'elementwise' | 'idle' | 'window' | 'global' | 'biasMap';

const channelwise = new Map<string, ChannelwiseKind>([
  ...elementwise.map((name): [string, ChannelwiseKind] => [name, 'elementwise']),
  ...idle.map((name): [string, ChannelwiseKind] => [name, 'idle']),
  ...windows.map((name): [string, ChannelwiseKind] => [name, 'window']),
  ...globalPools.map((name): [string, ChannelwiseKind] => [name, 'global']),
  ['BiasMap', 'biasMap'],
]);

/** What a channelwise layer does; undefined for other layers. */
export function channelwiseKind(layer: Layer): ChannelwiseKind | undefined {
  return channelwise.get(layer.getClassName());
}

/** The name of the activation that a layer ends with; 'linear' for one without. */
export function activationOf(layer: Layer): string {
  const { activation } = layer.getConfig();
  return typeof activation === 'string' ? activation : JSON.stringify(activation ?? 'linear').replaceAll('"', '');
}

/** Whether a layer ends with an activation that computes every channel from all of them. */
export function mixesChannels(layer: Layer): boolean {
  return mixingActivations.includes(activationOf(layer));
}

/**
 * What a layer does with channels at its place in a network. Throws a UserError for a layer or activation that cannot be
 * followed, and for one with another axis for its channels than the last.
 */
export function layerRole({ layer, name, inputShapes, outputShape, tensors }: LayerNode): LayerRole {
  const kind = layer.getClassName();
  const role = Object.hasOwn(roles, kind) ? roles[kind] : channelwise.has(kind) ? 'channelwise' : undefined;
  const config = layer.getConfig();
  const refuse = (why: string): UserError => new UserError(`The layer ${name} (${kind}) ${why}.`);
  if (!role) {
    const known = [...new Set([...Object.keys(roles), ...channelwise.keys()])].join(', ');
    throw refuse(`is not one whose channels can be followed; known are ${known}`);
  }
  const activation = activationOf(layer);
  if (![...elementwiseActivations, ...mixingActivations].includes(activation)) {
    const known = [...elementwiseActivations, ...mixingActivations].join(', ');
    throw refuse(`ends with ${activation}, of which it is not known what it does with channels; known are ${known}`);
  }
  const rank = outputShape.length;
  const limits = [...outputShape.slice(1, -1).map(() => most.side), most.channels];
  const isKnown = (side: number | null, i: number): boolean =>
    Number.isInteger(side) && side! >= 1 && side! <= limits[i];
  if (tensors !== 1 || (rank !== 2 && rank !== 4) || !outputShape.slice(1).every(isKnown)) {
    const sides = outputShape.slice(1).map((side) => side ?? '?');
    throw refuse(
      `gives [N, ${sides.join(', ')}], neither images nor vectors of a known size (at most ${most.channels} channels, and ` +
        `${most.side} rows and columns)`,
    );
  }
  const wide = [config.poolSize, config.kernelSize].flat().find((side) => typeof side === 'number' && side > most.side);
  if (wide !== undefined) throw refuse(`has a window with a side of ${wide as number}, which is at most ${most.side}`);
  if (role === 'add' && inputShapes.some((other) => String(other) !== String(inputShapes[0]))) {
    throw refuse(`adds what has different shapes: ${inputShapes.map((other) => `[${String(other)}]`).join(', ')}`);
  }
  if (config.dataFormat === 'channelsFirst' || ![-1, rank - 1, undefined].includes(config.axis as number | undefined)) {
    throw refuse('does not have its channels on the last axis');
  }
  if (role === 'kernel' && kernelGeometry(layer, outputShape) === undefined) throw refuse('has not been built');
  return mixesChannels(layer) && role === 'channelwise' ? 'mix' : role;
}

/** Whether f(g x) = g f(x) for every g >= 0, so that a gate behind the layer may as well stand before it. */
export function isHomogeneous(layer: Layer): boolean {
  const kind = channelwiseKind(layer);
  if (kind === 'elementwise') {
    const name = layer.getClassName();
    if (name === 'ReLU') return layer.getConfig().maxValue === undefined || layer.getConfig().maxValue === null;
    return name === 'LeakyReLU' || (name === 'Activation' && isHomogeneousActivation(activationOf(layer)));
  }
  return kind !== undefined && kind !== 'biasMap';
}

/** Whether an activation, by name, has f(g x) = g f(x) for every g >= 0. */
export function isHomogeneousActivation(name: string): boolean {
  return name === 'linear' || name === 'relu';
}
