import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { isLastAxis, type Weight } from '../layers/layer.js';
import { bordersOf, type Padding } from '../layers/padding.js';
import type { Layer } from './names.js';
import type { LayerNode } from './networkGraph.js';

const norms = ['BatchNorm', 'BatchNormalization'];
/** Layers without a kernel whose weights may have more than one axis; the last is the axis of the channels. */
const maps = ['BiasMap', 'PReLU'];

/** A batch norm that is `frozen` normalises by its running statistics in training too, and does not change them. */
export type BatchNormLayer = Layer & { frozen?: boolean };

/** Whether a layer is a batch norm, ours or tf.layers'. */
export function isBatchNorm(layer: Layer): layer is BatchNormLayer {
  return norms.includes(layer.getClassName());
}

/**
 * Finds a layer's weight by the last part of its name, which some layers spell with an underscore, as in moving_mean;
 * returns undefined if there is none.
 */
export function weightOf(layer: Layer, name: string): Weight | undefined {
  return layer.weights.find(
    ({ originalName }) => originalName.split('/').at(-1)?.replace('_', '').toLowerCase() === name.toLowerCase(),
  );
}

/** One kernel of a layer, and which of its entries belong to which channels. Entries are identified by flat index. */
export interface Kernel {
  weight: Weight;
  inputOf: (entry: number) => number;
  /** Undefined for the depthwise kernel of a separable convolution, which belongs to all output channels. */
  outputOf?: (entry: number) => number;
  /** Returns the number of entries between the given numbers of input and output channels. */
  entries: (inputs: number, outputs: number) => number;
}

/** What a layer with a kernel computes: a window over inputs for each output, at a number of positions. */
export interface KernelGeometry {
  /** Entries of the window: height x width, 1 for a dense layer. */
  window: number;
  inputs: number;
  outputs: number;
  /**
   * How many outputs a depthwise convolution computes from each input: output c * multiplier + j is computed from input
   * c alone. Undefined if every output is computed from all inputs.
   */
  multiplier?: number;
  /**
   * Number of positions at which the window is applied: those of the output image or, for a transposed convolution, of
   * the input image.
   */
  positions: number;
  bias: boolean;
  /** One kernel; a separable convolution has two, depthwise and pointwise. */
  kernels: Kernel[];
}

type Kernels = Pick<KernelGeometry, 'window' | 'inputs' | 'outputs' | 'multiplier' | 'kernels'>;

const product = (sides: readonly (number | null)[]): number => sides.reduce<number>((n, side) => n * (side ?? 0), 1);

/** Returns the number of entries of a kernel's window, and the kernel's last two sides. */
const sidesOf = ({ shape }: Weight): number[] => [product(shape.slice(0, -2)), ...(shape.slice(-2) as number[])];

/** [h, w, in, out] and [in, out]. */
function dense(weight: Weight): Kernels {
  const [window, inputs, outputs] = sidesOf(weight);
  const inputOf = (entry: number): number => Math.floor(entry / outputs) % inputs;
  const kernel = { weight, inputOf, outputOf: (entry: number) => entry % outputs };
  return { window, inputs, outputs, kernels: [{ ...kernel, entries: (m, n) => window * m * n }] };
}

/** [h, w, out, in]. */
function transposed(weight: Weight): Kernels {
  const { window, inputs: outputs, outputs: inputs, kernels } = dense(weight);
  const [{ inputOf: outputOf, outputOf: inputOf, entries }] = kernels;
  return { window, inputs, outputs, kernels: [{ weight, inputOf: inputOf!, outputOf, entries }] };
}

/** [h, w, in, multiplier]. */
function depthwise(weight: Weight): Kernels & { multiplier: number } {
  const [window, inputs, multiplier] = sidesOf(weight);
  const outputs = inputs * multiplier;
  const inputOf = (entry: number): number => Math.floor((entry % outputs) / multiplier);
  const kernel = { weight, inputOf, outputOf: (entry: number) => entry % outputs };
  return { window, inputs, outputs, multiplier, kernels: [{ ...kernel, entries: (_, n) => window * n }] };
}

/** A depthwise kernel [h, w, in, multiplier], then a pointwise one [1, 1, in * multiplier, out]. */
function separable(first: Weight, second: Weight): Kernels {
  const { window, inputs, multiplier, kernels } = depthwise(first);
  const { outputs, kernels: pointwise } = dense(second);
  const inputOf = (entry: number): number => Math.floor(pointwise[0].inputOf(entry) / multiplier);
  return {
    window,
    inputs,
    outputs,
    kernels: [
      { weight: first, inputOf: kernels[0].inputOf, entries: (m) => window * m * multiplier },
      { ...pointwise[0], inputOf, entries: (m, n) => m * multiplier * n },
    ],
  };
}

/** The layers with kernels: the names of their kernels, and how to read them. */
const kinds: Record<string, { weights: string[]; read: (...weights: Weight[]) => Kernels }> = {
  Conv2d: { weights: ['kernel'], read: dense },
  GatedConv2d: { weights: ['kernel'], read: dense },
  Conv2D: { weights: ['kernel'], read: dense },
  Dense: { weights: ['kernel'], read: dense },
  QuantizedConv2d: { weights: ['kernel'], read: dense },
  QuantizedDense: { weights: ['kernel'], read: dense },
  Conv2DTranspose: { weights: ['kernel'], read: transposed },
  DepthwiseConv2D: { weights: ['depthwiseKernel'], read: depthwise },
  SeparableConv2D: { weights: ['depthwiseKernel', 'pointwiseKernel'], read: separable },
};

/**
 * Returns the geometry of a convolution (plain, transposed, depthwise or separable) or dense layer, ours or tf.layers';
 * undefined for a layer without a kernel.
 *
 * Throws a UserError that names the layer and its class for any other layer with a weight of more than one axis, since
 * its filters are unknown, and for channels on another axis than the last.
 */
export function kernelGeometry(
  layer: Layer,
  outputShape: tf.Shape = layer.outputShape as tf.Shape,
): KernelGeometry | undefined {
  const kind = layer.getClassName();
  if (!Object.hasOwn(kinds, kind)) {
    const large = layer.weights.find(({ shape }) => shape.length > 1);
    if (!large || maps.includes(kind)) return undefined;
    throw new UserError(
      `The layer ${layer.name} (${kind}) has the weight ${large.originalName}, and it is not known which of its ` +
        `entries belong to which channel. Channels are counted and removed in the layers ${Object.keys(kinds).join(', ')}.`,
    );
  }
  const weights = kinds[kind].weights.flatMap((name) => weightOf(layer, name) ?? []);
  if (weights.length < kinds[kind].weights.length) return undefined;
  if (layer.getConfig().dataFormat === 'channelsFirst') {
    throw new UserError(
      `The layer ${layer.name} (${kind}) must have its channels on the last axis; they are on another.`,
    );
  }
  const windows = kind === 'Conv2DTranspose' ? inputImage(layer, outputShape) : outputShape.slice(1, -1);
  return {
    ...kinds[kind].read(...weights),
    positions: product(windows),
    bias: weightOf(layer, 'bias') !== undefined,
  };
}

/**
 * Returns the height and width of a transposed convolution's input image, given its output shape: the window is applied
 * at each position of the input.
 */
function inputImage(layer: Layer, [, ...output]: tf.Shape): number[] {
  const { kernelSize, strides, padding } = layer.getConfig() as Record<string, [number, number]>;
  return [0, 1].map((axis) => {
    const more = String(padding) === 'same' ? 0 : Math.max(kernelSize[axis] - strides[axis], 0);
    return ((output[axis] ?? 0) - more) / strides[axis];
  });
}

/** Whether the axis in a layer's settings, if there is one, is the last of `rank` axes. */
export function hasChannelsLast(layer: Layer, rank: number): boolean {
  const { axis, dataFormat } = layer.getConfig();
  return dataFormat !== 'channelsFirst' && isLastAxis(axis ?? -1, rank);
}

/**
 * Returns the batch norm that reads a node, if there is one. Throws a UserError for a batch norm over another axis than
 * the last.
 */
export function normBehind({ readers }: LayerNode): LayerNode | undefined {
  const norm = readers.find(({ layer }) => isBatchNorm(layer));
  if (norm && !hasChannelsLast(norm.layer, norm.outputShape.length)) {
    throw new UserError(
      `The layer ${norm.name} (${norm.layer.getClassName()}) must have its channels on the last axis; they are on another.`,
    );
  }
  return norm;
}

/** How a window moves along one side of an image. */
export interface AxisWindow {
  /** Number of values that the window covers, and the step between them. */
  size: number;
  dilation: number;
  stride: number;
  /** Border before and after the image. */
  before: number;
  after: number;
  /** Length of the input and of the output. */
  input: number;
  output: number;
  /** Whether the window moves over the output, as in a transposed convolution; the border is then the output's. */
  transposed: boolean;
}

const pair = (value: unknown, otherwise: number): [number, number] => {
  if (Array.isArray(value)) return [value[0], value[1] ?? value[0]] as [number, number];
  return typeof value === 'number' ? [value, value] : [otherwise, otherwise];
};

/** Returns the height and width of a layer's output; [1, 1] for a vector. */
export function imageOf(shape: (number | null)[]): [number, number] {
  return shape.length === 4 ? [shape[1] ?? 0, shape[2] ?? 0] : [1, 1];
}

/**
 * Returns how the window of a convolution, pooling or zero padding moves over [N, H, W, C], down and across; 1 x 1 for
 * a dense layer.
 */
export function windowsOf({ layer, inputShapes, outputShape }: LayerNode): [AxisWindow, AxisWindow] {
  const config = layer.getConfig();
  const kind = layer.getClassName();
  const size = pair(config.kernelSize ?? config.poolSize, 1);
  // A zero padding is a window of one value with a border.
  const strides = kind === 'ZeroPadding2D' ? [1, 1] : pair(config.strides ?? config.poolSize, 1);
  // tf.layers ignore the dilation of a depthwise convolution.
  const dilations = kind === 'DepthwiseConv2D' ? [1, 1] : pair(config.dilationRate, 1);
  const transposed = kind === 'Conv2DTranspose';
  const padding = (config.padding ?? 'valid') as Padding;
  const [inputs, outputs] = [imageOf(inputShapes[0]), imageOf(outputShape)];
  const axis = (a: 0 | 1): AxisWindow => {
    const [stride, dilation] = [strides[a], dilations[a]];
    const over = transposed ? outputs[a] : inputs[a];
    const [before, after] = bordersOf(over, (size[a] - 1) * dilation + 1, stride, padding, a);
    return { size: size[a], dilation, stride, before, after, input: inputs[a], output: outputs[a], transposed };
  };
  return [axis(0), axis(1)];
}
