import * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../backend/random.js';
import { UserError } from '../errors.js';
import { BatchNorm } from '../layers/batchNorm.js';
import { Conv2d } from '../layers/conv2d.js';
import type { Weight } from '../layers/layer.js';
import { MaxPool2d } from '../layers/maxPool2d.js';
import { dense, networkOptions, type NetworkOptions } from './networkOptions.js';

/** Options of `airbench`. */
export interface AirbenchOptions extends NetworkOptions {
  /**
   * The first convolution's kernel, [2, 2, C, 8 C], flat: `whiteningKernel` of the training images. Default: random
   * initial values.
   */
  whitening?: Float32Array;
}

/** The widths of the three blocks. */
const BLOCKS = [64, 256, 256];
/** The side of the patches that the first convolution whitens. */
const PATCH = 2;
/** Global maxima are large: without this scale, the network is too certain of wrong classes in its first steps. */
const LOGITS_SCALE = 1 / 9;

function write(kernel: Weight, values: Float32Array): void {
  tf.tidy(() => void kernel.write(tf.tensor(values, kernel.shape as number[])));
}

/** Makes a convolution pass inputs on at first: its first filters become the identity (Jordan 2024, section 3.2). */
function startAsIdentity(layer: tf.layers.Layer): void {
  const [kernel] = layer.weights;
  const [side, , inputs, outputs] = kernel.shape as number[];
  const values = kernel.read().dataSync<'float32'>().slice();
  const middle = (side * side - 1) / 2;
  for (let filter = 0; filter < Math.min(inputs, outputs); filter++) {
    for (let at = filter; at < values.length; at += outputs) values[at] = 0;
    values[(middle * inputs + filter) * outputs + filter] = 1;
  }
  write(kernel, values);
}

/**
 * The network of airbench94 (Jordan 2024), designed to reach 94 % on CIFAR-10 in the shortest time: a frozen 2x2
 * convolution that whitens patches, three blocks of two 3x3 convolutions with pooling after the first, global max pool,
 * dense, with logits divided by 9. Input [N, H, W, C], output logits [N, classes]; 1,973,048 trained parameters at
 * width 1 for 32 x 32 x 3, in addition to the 288 frozen ones.
 *
 * It has a batch norm in place of the first convolution's bias. Layers are named `whitening_conv`,
 * `block1_first_conv`, `block1_first_bn`, `block1_first_gelu`, ...
 * Throws a UserError for options out of range; the caller disposes the network.
 */
export function airbench({ whitening, ...options }: AirbenchOptions = {}): tf.LayersModel {
  const { scaled, input, classes, seed } = networkOptions('airbench', options, 9);
  const filters = 2 * PATCH * PATCH * (input.shape[3] as number);
  const first = new Conv2d({
    name: 'whitening_conv',
    filters,
    kernelSize: PATCH,
    useBias: false,
    trainable: false,
    seed: deriveSeed(seed, 'whitening'),
  });
  const normal = (x: tf.SymbolicTensor, name: string): tf.SymbolicTensor => {
    const y = new BatchNorm({ name: `${name}_bn`, scale: false }).apply(x) as tf.SymbolicTensor;
    return tf.layers.activation({ name: `${name}_gelu`, activation: 'gelu' }).apply(y) as tf.SymbolicTensor;
  };
  const convs: Conv2d[] = [];
  const conv = (x: tf.SymbolicTensor, name: string, filters: number): tf.SymbolicTensor => {
    const settings = { filters, kernelSize: 3, padding: 1, useBias: false, initializer: 'uniform' as const };
    const layer = new Conv2d({ ...settings, name: `${name}_conv`, seed: deriveSeed(seed, name) });
    convs.push(layer);
    return layer.apply(x) as tf.SymbolicTensor;
  };

  let x = normal(first.apply(input) as tf.SymbolicTensor, 'whitening');
  BLOCKS.forEach((width, i) => {
    const name = `block${i + 1}`;
    x = conv(x, `${name}_first`, scaled(width));
    x = new MaxPool2d({ name: `${name}_pool`, poolSize: 2 }).apply(x) as tf.SymbolicTensor;
    x = normal(x, `${name}_first`);
    x = normal(conv(x, `${name}_second`, scaled(width)), `${name}_second`);
  });
  x = tf.layers.globalMaxPooling2d({ name: 'global_pool' }).apply(x) as tf.SymbolicTensor;
  x = tf.layers.rescaling({ name: 'logits_scale', scale: LOGITS_SCALE }).apply(x) as tf.SymbolicTensor;
  const logits = dense(x, { name: 'logits', units: classes, useBias: false, seed: deriveSeed(seed, 'logits') });
  for (const layer of convs) startAsIdentity(layer);
  if (whitening) {
    const [kernel] = first.weights;
    const shape = kernel.shape as number[];
    if (whitening.length !== tf.util.sizeFromShape(shape)) {
      throw new UserError(
        `whitening must have ${tf.util.sizeFromShape(shape)} values, for [${shape.join(', ')}]; received ${whitening.length}.`,
      );
    }
    write(kernel, whitening);
  }
  return tf.model({ inputs: input, outputs: logits, name: 'airbench' });
}
