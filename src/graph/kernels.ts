import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import type { Weight } from '../layers/layer.js';
import type { Layer } from './names.js';
import type { LayerNode } from './networkGraph.js';

const convolutions = ['Conv2d', 'GatedConv2d', 'Conv2D'];
const norms = ['BatchNorm', 'BatchNormalization'];

/** Whether a layer is a convolution whose filters are the last axis of its kernel. */
export function isConvolution(layer: Layer): boolean {
  return convolutions.includes(layer.getClassName());
}

/** Whether a layer is a batch norm, ours or that of tf.layers. */
export function isBatchNorm(layer: Layer): boolean {
  return norms.includes(layer.getClassName());
}

/** A layer's weight by the last part of its name, which is spelt moving_mean in some layers; undefined if there is none. */
export function weightOf(layer: Layer, name: string): Weight | undefined {
  return layer.weights.find(
    ({ originalName }) => originalName.split('/').at(-1)?.replace('_', '').toLowerCase() === name.toLowerCase(),
  );
}

/** What a layer with a kernel computes: a window over inputs for each output, at a number of positions. */
export interface KernelGeometry {
  /** Entries of the window: height x width, 1 for a dense layer. */
  window: number;
  inputs: number;
  outputs: number;
  /** Positions of the output image at which the window is applied. */
  positions: number;
  bias: boolean;
}

/**
 * The geometry of a convolution or dense layer, ours or that of tf.layers; undefined for a layer without a kernel.
 *
 * Throws a UserError that names the layer and its class for any other with a weight of more than one axis, since nothing is known of
 * its filters: a depthwise or transposed convolution, or a class of somebody else's.
 */
export function kernelGeometry(
  layer: Layer,
  outputShape: tf.Shape = layer.outputShape as tf.Shape,
): KernelGeometry | undefined {
  const kind = layer.getClassName();
  if (![...convolutions, 'Dense'].includes(kind)) {
    const large = layer.weights.find(({ shape }) => shape.length > 1);
    if (!large || kind === 'BiasMap') return undefined;
    throw new UserError(
      `The layer ${layer.name} (${kind}) has the weight ${large.originalName}, of which it is not known what belongs to ` +
        `which channel. Channels are counted and removed in the layers ${convolutions.join(', ')} and Dense.`,
    );
  }
  const kernel = weightOf(layer, 'kernel');
  if (!kernel) return undefined;
  if (layer.getConfig().dataFormat === 'channelsFirst') {
    throw new UserError(`The layer ${layer.name} (${kind}) does not have its channels on the last axis.`);
  }
  const shape = kernel.shape as number[];
  const [inputs, outputs] = shape.slice(-2);
  const product = (sides: readonly (number | null)[]): number => sides.reduce<number>((n, side) => n * (side ?? 0), 1);
  return {
    window: product(shape.slice(0, -2)),
    inputs,
    outputs,
    positions: product(outputShape.slice(1, -1)),
    bias: weightOf(layer, 'bias') !== undefined,
  };
}

/** The batch norm that reads a place of a network, if there is one. Throws a UserError for one over another axis than the last. */
export function normBehind({ readers }: LayerNode): LayerNode | undefined {
  const norm = readers.find(({ layer }) => isBatchNorm(layer));
  const axis = norm?.layer.getConfig().axis as number | undefined;
  if (norm && ![undefined, -1, norm.outputShape.length - 1].includes(axis)) {
    throw new UserError(
      `The layer ${norm.name} (${norm.layer.getClassName()}) does not have its channels on the last axis.`,
    );
  }
  return norm;
}
