import * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../backend/random.js';
import { UserError } from '../errors.js';
import { BatchNorm } from '../layers/batchNorm.js';
import { Conv2d } from '../layers/conv2d.js';
import { GatedConv2d } from '../layers/gatedConv2d.js';
import { L0Gate, type L0GateOptions } from '../layers/l0Gate.js';
import { MaxPool2d } from '../layers/maxPool2d.js';
import { dense, networkOptions, type NetworkOptions } from './networkOptions.js';

/** The settings shared by all gates of a network, and where the gates are. */
export interface GateOptions extends Pick<L0GateOptions, 'droprate_init' | 'temperature' | 'sampling'> {
  /** Whether the reduce convolutions are gated too. Default false, as in the L0 project. */
  gateReduce?: boolean;
  /**
   * Whether each weight of the kernels has a gate, instead of each channel; one mask then serves a whole batch. Default
   * false.
   */
  unstructured?: boolean;
}

/** Options of `googleNet`. */
export interface GoogleNetOptions extends NetworkOptions {
  /** L0 gates after the batch norm and ReLU of each branch's last convolution, or on its weights. Default false. */
  gates?: boolean | GateOptions;
  /** Determines all initial values and the gates' noise. Default 0. */
  seed?: number;
}

const STEM = 64;

/**
 * The widths of the eight inception blocks: the reduce convolutions of the 3x3 and 5x5 branches, then the branches in
 * their order. A pooling that halves the image follows the blocks in POOL_AFTER.
 */
const BLOCKS = [
  [32, 16, 16, 32, 8, 8],
  [32, 16, 24, 48, 12, 12],
  [32, 16, 24, 48, 12, 12],
  [32, 16, 16, 48, 16, 16],
  [32, 16, 16, 48, 16, 16],
  [32, 16, 32, 48, 24, 24],
  [48, 16, 32, 64, 16, 16],
  [48, 16, 32, 64, 16, 16],
];
const POOL_AFTER = [2, 6];

/** How many inception blocks the network has. */
export const inceptionBlocks = BLOCKS.length;

/** The branches of an inception block in the order in which they are concatenated. */
export const inceptionBranches = ['1x1', '3x3', '5x5', 'pool'] as const;

/**
 * GoogLeNet for small images as in the L0 regularisation project: conv 3x3, eight inception blocks, global average
 * pool, dense. Input [N, H, W, C], output logits [N, classes]; 260,650 parameters at width 1 for three channels and ten
 * classes, 832 more with gates on channels.
 *
 * Layers are named `block1_3x3_reduce_conv`, `block1_3x3_conv`, `block1_3x3_bn` (with its ReLU), `block1_3x3_gate`; the
 * branches are 1x1, 3x3, 5x5 and pool. Throws a UserError for options out of range; the caller disposes the network.
 */
export function googleNet(options: GoogleNetOptions = {}): tf.LayersModel {
  const { gates = false } = options;
  const { scaled, input, classes, seed } = networkOptions('googleNet', options);
  const gateOptions: GateOptions | undefined = gates === true ? {} : gates || undefined;
  const { gateReduce = false, unstructured = false, ...shared } = gateOptions ?? {};
  if (unstructured && shared.sampling === 'image') {
    throw new UserError(
      "sampling must be 'batch' where weights have gates, which draw one mask for a whole batch; received 'image'. Leave it out.",
    );
  }

  const unit = (
    x: tf.SymbolicTensor,
    name: string,
    filters: number,
    size: number,
    gated = false,
  ): tf.SymbolicTensor => {
    const settings = {
      name: `${name}_conv`,
      filters: scaled(filters),
      kernelSize: size,
      padding: (size - 1) / 2,
      seed: deriveSeed(seed, name),
    };
    const gateSeed = deriveSeed(seed, name, 'gate');
    const onWeights = gated && gateOptions !== undefined && unstructured;
    const conv = onWeights ? new GatedConv2d({ ...settings, ...shared, gateSeed }) : new Conv2d(settings);
    const normal = new BatchNorm({ name: `${name}_bn`, activation: 'relu' });
    const y = normal.apply(conv.apply(x)) as tf.SymbolicTensor;
    if (!gated || !gateOptions || unstructured) return y;
    return new L0Gate({ ...shared, name: `${name}_gate`, seed: gateSeed }).apply(y) as tf.SymbolicTensor;
  };

  const inception = (x: tf.SymbolicTensor, name: string, widths: number[]): tf.SymbolicTensor => {
    const [reduce3, reduce5, ones, threes, fives, pool] = widths;
    const reduced3x3 = unit(x, `${name}_3x3_reduce`, reduce3, 1, gateReduce);
    const reduced5x5 = unit(x, `${name}_5x5_reduce`, reduce5, 1, gateReduce);
    const pooled = new MaxPool2d({ name: `${name}_pool`, poolSize: 3, strides: 1, padding: 1 }).apply(x);
    const branches = [
      unit(x, `${name}_1x1`, ones, 1, true),
      unit(reduced3x3, `${name}_3x3`, threes, 3, true),
      unit(reduced5x5, `${name}_5x5`, fives, 5, true),
      unit(pooled as tf.SymbolicTensor, `${name}_pool`, pool, 1, true),
    ];
    return tf.layers.concatenate({ name: `${name}_concat` }).apply(branches) as tf.SymbolicTensor;
  };

  let x = unit(input, 'stem', STEM, 3);
  BLOCKS.forEach((widths, i) => {
    x = inception(x, `block${i + 1}`, widths);
    if (POOL_AFTER.includes(i + 1)) {
      x = new MaxPool2d({ name: `pool${i + 1}`, poolSize: 3, strides: 2, padding: 1 }).apply(x) as tf.SymbolicTensor;
    }
  });
  x = tf.layers.globalAveragePooling2d({ name: 'global_pool' }).apply(x) as tf.SymbolicTensor;
  const logits = dense(x, { name: 'logits', units: classes, seed: deriveSeed(seed, 'logits') });
  return tf.model({ inputs: input, outputs: logits, name: 'googleNet' });
}
