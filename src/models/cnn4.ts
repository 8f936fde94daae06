import * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../backend/random.js';
import { BatchNorm } from '../layers/batchNorm.js';
import { MaxPool2d } from '../layers/maxPool2d.js';
import { convNorm, dense, networkOptions, type NetworkOptions } from './networkOptions.js';

/** Options of `cnn4`. */
export interface Cnn4Options extends NetworkOptions {
  /** Share of the new batch in the running statistics; the project uses 0.001, for 100,000 steps. Default 0.1. */
  momentum?: number;
}

/** The three convolutions that are followed by pooling. */
const BLOCKS = [
  { filters: 96, kernelSize: 5 },
  { filters: 192, kernelSize: 5 },
  { filters: 192, kernelSize: 3 },
];
const HIDDEN = { filters: 384, kernelSize: 4 };
/** Three halvings, rounded up, leave the 4 pixels that the last kernel needs. */
const LEAST_SIDE = 25;

/**
 * The CNN with four convolutions from the project on pruning by ISTA (Ye et al. 2018): three times conv, batch norm,
 * ReLU and max-pool 3x3/2, then a 4x4 convolution, which covers all that is left of 32 x 32 pixels, then dense. Input
 * [N, H, W, C], 25 x 25 pixels or more, output logits [N, classes]; 1,985,012 parameters and 1,748 running statistics
 * at width 1 for 32 x 32 x 3.
 *
 * Padding is TensorFlow's `same`; every convolution and the logits (in the project a 1x1 convolution) have batch norm
 * with gamma instead of a bias. Layers are named `block1_conv`, `block1_bn` (with its ReLU), `block1_pool`,
 * `hidden_conv`, `hidden_bn`, `logits_dense`, `logits_bn`.
 * Throws a UserError for options out of range; the caller disposes the network.
 */
export function cnn4(options: Cnn4Options = {}): tf.LayersModel {
  const { scaled, input, classes, seed } = networkOptions('cnn4', options, LEAST_SIDE);
  const normal = { epsilon: 1e-3, momentum: options.momentum };

  const unit = (
    x: tf.SymbolicTensor,
    name: string,
    { filters, kernelSize }: { filters: number; kernelSize: number },
    padding: 'same' | 'valid',
  ): tf.SymbolicTensor =>
    convNorm(x, name, { filters: scaled(filters), kernelSize, padding, seed }, { ...normal, activation: 'relu' });

  let x = input;
  BLOCKS.forEach((shape, i) => {
    const name = `block${i + 1}`;
    const pool = new MaxPool2d({ name: `${name}_pool`, poolSize: 3, strides: 2, padding: 'same' });
    x = pool.apply(unit(x, name, shape, 'same')) as tf.SymbolicTensor;
  });
  x = unit(x, 'hidden', HIDDEN, 'valid');
  x = tf.layers.flatten({ name: 'flatten' }).apply(x) as tf.SymbolicTensor;
  const logits = dense(x, { name: 'logits_dense', units: classes, useBias: false, seed: deriveSeed(seed, 'logits') });
  x = new BatchNorm({ ...normal, name: 'logits_bn' }).apply(logits) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: x, name: 'cnn4' });
}
