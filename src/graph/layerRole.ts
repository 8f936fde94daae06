import { UserError } from '../errors.js';
import { hasChannelsLast, imageOf, kernelGeometry } from './kernels.js';
import type { Layer } from './names.js';
import type { LayerNode } from './networkGraph.js';

/** How a layer merges several tensors into one, value by value. */
export type Merge = 'add' | 'multiply' | 'average' | 'maximum' | 'minimum';

/**
 * What a layer does with channels.
 *
 * - `kernel`: every output channel is computed from all input channels (convolution, dense);
 * - `depthwise`: output channel c * multiplier + j is computed by a kernel from input channel c alone;
 * - `norm`, `gate`, `channelwise`: output channel c is computed from input channel c alone;
 * - `add`, `multiply`, `average`, `maximum`, `minimum`: output channel c is computed from channel c of each input; an
 *   input with one position or one channel applies to all of them;
 * - `concat`: the inputs' channels one after another;
 * - `flatten`, `reshape`: positions become channels, each with all input channels, the channel index fastest;
 * - `mix`: channels depend on each other, as in softmax or layer normalisation, and none can be removed.
 */
export type LayerRole =
  'input' | 'kernel' | 'depthwise' | 'norm' | 'gate' | 'channelwise' | Merge | 'concat' | 'flatten' | 'reshape' | 'mix';

const roles: Record<string, LayerRole> = {
  InputLayer: 'input',
  Conv2d: 'kernel',
  Conv2D: 'kernel',
  GatedConv2d: 'kernel',
  Conv2DTranspose: 'kernel',
  SeparableConv2D: 'kernel',
  Dense: 'kernel',
  QuantizedConv2d: 'kernel',
  QuantizedDense: 'kernel',
  DepthwiseConv2D: 'depthwise',
  BatchNorm: 'norm',
  BatchNormalization: 'norm',
  L0Gate: 'gate',
  Add: 'add',
  Multiply: 'multiply',
  Average: 'average',
  Maximum: 'maximum',
  Minimum: 'minimum',
  Concatenate: 'concat',
  Flatten: 'flatten',
  Reshape: 'reshape',
  Softmax: 'mix',
  LayerNormalization: 'mix',
};

/** Whether a role merges several tensors into one, value by value. */
export function isMerge(role: LayerRole): role is Merge {
  return ['add', 'multiply', 'average', 'maximum', 'minimum'].includes(role);
}

/** What a channelwise layer does with the values of a channel. */
export type ChannelwiseKind = 'elementwise' | 'slopes' | 'idle' | 'window' | 'upsampling' | 'global' | 'biasMap';

/** `idle` layers act in training only. */
const channelwise: Record<ChannelwiseKind, string[]> = {
  elementwise: ['Activation', 'ReLU', 'LeakyReLU', 'ELU', 'ThresholdedReLU', 'Rescaling'],
  slopes: ['PReLU'],
  idle: ['Dropout', 'SpatialDropout1D', 'GaussianNoise', 'GaussianDropout', 'AlphaDropout', 'ActivityRegularization'],
  window: ['MaxPool2d', 'MaxPooling2D', 'AveragePooling2D', 'ZeroPadding2D', 'Cropping2D'],
  upsampling: ['UpSampling2D'],
  global: ['GlobalAveragePooling2D', 'GlobalMaxPooling2D'],
  biasMap: ['BiasMap'],
};

/** Channels, rows and columns are followed one by one, up to these numbers. */
const most = { channels: 2 ** 20, side: 4096 };
/** Activations of tf.layers, by name, that treat every value alike, so that channels stay separate. */
const elementwiseActivations = [
  ...['linear', 'relu', 'relu6', 'elu', 'selu', 'sigmoid', 'hardSigmoid', 'softplus', 'softsign', 'tanh', 'swish'],
  ...['mish', 'gelu', 'gelu_new'],
];
/** Activations that map 0 to another value. */
const movingZero = ['sigmoid', 'hardSigmoid', 'softplus'];
/** Activations that compute every channel from all of them. */
const mixingActivations = ['softmax', 'logSoftmax'];

/** What a channelwise layer does; undefined for other layers. */
export function channelwiseKind(layer: Layer): ChannelwiseKind | undefined {
  const name = layer.getClassName();
  return (Object.keys(channelwise) as ChannelwiseKind[]).find((kind) => channelwise[kind].includes(name));
}

/** Returns the name of the activation that a layer ends with; 'linear' if it has none. */
export function activationOf(layer: Layer): string {
  const { activation } = layer.getConfig();
  return typeof activation === 'string' ? activation : JSON.stringify(activation ?? 'linear').replaceAll('"', '');
}

/** Whether a layer ends with an activation that computes every channel from all of them. */
export function mixesChannels(layer: Layer): boolean {
  return mixingActivations.includes(activationOf(layer));
}

/** Whether a layer that treats every value alike, or its activation, maps 0 to another value. */
export function movesZero(layer: Layer): boolean {
  const shifts = layer.getClassName() === 'Rescaling' && layer.getConfig().offset !== 0;
  return shifts || movingZero.includes(activationOf(layer));
}

/**
 * Returns what a layer does with channels at its place in a network. Throws a UserError for a layer or activation that
 * cannot be followed, and for channels on another axis than the last.
 */
export function layerRole(node: LayerNode): LayerRole {
  const { layer, name, inputShapes, outputShape, tensors } = node;
  const kind = layer.getClassName();
  const role = Object.hasOwn(roles, kind) ? roles[kind] : channelwiseKind(layer) && 'channelwise';
  const config = layer.getConfig();
  const refuse = (why: string): UserError => new UserError(`The layer ${name} (${kind}) ${why}.`);
  if (!role) {
    const known = [...Object.keys(roles), ...Object.values(channelwise).flat()].join(', ');
    throw refuse(`is not one whose channels can be followed; known are ${known}`);
  }
  const activation = activationOf(layer);
  const known = [...elementwiseActivations, ...mixingActivations];
  if (!known.includes(activation)) {
    throw refuse(`ends with ${activation}, whose effect on channels is not known; known are ${known.join(', ')}`);
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
  const numbers = [config.scale, config.offset].filter((setting) => kind === 'Rescaling' && setting !== undefined);
  if (numbers.some((setting) => typeof setting !== 'number')) {
    throw refuse(`must scale and shift all channels alike, by one number each; received ${JSON.stringify(numbers)}`);
  }
  if (!hasChannelsLast(layer, rank)) throw refuse('must have its channels on the last axis; they are on another');
  if (role === 'reshape' && outputShape.at(-1)! % inputShapes[0].at(-1)! !== 0) {
    throw refuse(
      `makes [${String(outputShape.slice(1))}] of [${String(inputShapes[0].slice(1))}], which does not keep its channels together`,
    );
  }
  if ((role === 'kernel' || role === 'depthwise') && kernelGeometry(layer, outputShape) === undefined) {
    throw refuse('has not been built');
  }
  if (!mixesChannels(layer) || role === 'kernel') return role;
  if (role === 'channelwise') return 'mix';
  throw refuse(`ends with a ${activation} over its channels, which only a convolution or dense layer may`);
}

/** Whether an input of a merging layer has a single channel, which applies to all channels of the output. */
export function isSpread({ outputShape }: LayerNode, input: LayerNode): boolean {
  return input.outputShape.at(-1) === 1 && outputShape.at(-1) !== 1;
}

/** Whether an input of a merging layer is as large as the output, rather than applying to all positions or channels. */
export function isFull({ outputShape }: LayerNode, input: LayerNode): boolean {
  const sizes = [outputShape, input.outputShape].map((shape) => [...imageOf(shape), shape.at(-1)]);
  return String(sizes[0]) === String(sizes[1]);
}

/** Kinds of layers with f(g x) = g f(x) for every g >= 0, whatever their settings; LeakyReLU has it too. */
const homogeneous = ['idle', 'slopes', 'window', 'upsampling', 'global'];

/** Whether f(g x) = g f(x) for every g >= 0, so that a gate after the layer may also be placed before it. */
export function isHomogeneous(layer: Layer): boolean {
  const name = layer.getClassName();
  if (name === 'ReLU') return (layer.getConfig().maxValue ?? null) === null;
  if (name === 'Activation') return isHomogeneousActivation(activationOf(layer));
  return name === 'LeakyReLU' || homogeneous.includes(channelwiseKind(layer) ?? '');
}

/** Whether an activation, by name, has f(g x) = g f(x) for every g >= 0. */
export function isHomogeneousActivation(name: string): boolean {
  return name === 'linear' || name === 'relu';
}
