import * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../backend/random.js';
import { Conv2d } from '../layers/conv2d.js';
import { dense, networkOptions, type NetworkOptions } from './networkOptions.js';

const WIDTH = 32;
const BLOCKS = 3;

/**
 * The small network of RePr (Prakash et al. 2019), C3(32): three 3x3 convolutions with ReLU, no batch norm and no
 * pooling, then dense. Input [N, H, W, C], output logits [N, classes]; 347,082 parameters at width 1 for 32 x 32 x 3.
 *
 * All weights start as in PyTorch. The inputs of the dense layer are ordered by row, column and channel, the channel
 * fastest. PyTorch, with channels first, orders them by channel, row and column: reshape its dense kernel
 * [units, C * H * W] to [units, C, H, W] and transpose it by [2, 3, 1, 0] to get ours, [H * W * C, units].
 *
 * Layers are named `block1_conv`, `block1_relu`, ..., `flatten`, `logits`.
 * Throws a UserError for options out of range; the caller disposes the network.
 */
export function c3(options: NetworkOptions = {}): tf.LayersModel {
  const { scaled, input, classes, seed } = networkOptions('c3', options);
  let x = input;
  for (let b = 1; b <= BLOCKS; b++) {
    const conv = new Conv2d({
      name: `block${b}_conv`,
      filters: scaled(WIDTH),
      kernelSize: 3,
      padding: 1,
      initializer: 'uniform',
      seed: deriveSeed(seed, `block${b}`),
    });
    x = tf.layers.activation({ name: `block${b}_relu`, activation: 'relu' }).apply(conv.apply(x)) as tf.SymbolicTensor;
  }
  x = tf.layers.flatten({ name: 'flatten' }).apply(x) as tf.SymbolicTensor;
  const logits = dense(x, { name: 'logits', units: classes, seed: deriveSeed(seed, 'logits') });
  return tf.model({ inputs: input, outputs: logits, name: 'c3' });
}
