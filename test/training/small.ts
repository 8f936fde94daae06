// A problem that the plain cpu backend learns in a second: the colour of a noisy image, with a small gated network.
import * as tf from '@tensorflow/tfjs';
import { Random } from 'sparsebook/backend/random.js';
import type { ImageSet } from 'sparsebook/data/imageSet.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';

const classNames = ['red', 'green', 'blue'];

/** Images whose brightest colour is their class. */
export function colours(count: number, seed = 1): ImageSet {
  const random = new Random(seed);
  const labels = Uint8Array.from({ length: count }, () => random.integer(3));
  const images = Uint8Array.from({ length: count * 3072 }, (_, i) => {
    const bright = i % 3 === labels[Math.floor(i / 3072)] ? 60 : 0;
    return Math.floor(random.next() * 190) + bright;
  });
  return { name: `colours ${seed}`, shape: [32, 32, 3], images, labels, classNames };
}

/** conv 8x8 stride 8, BN + ReLU, gate if requested, conv 2x2 stride 2, pool, dense: 3 classes. */
export function smallNet({ gates = true, seed = 3 } = {}): tf.LayersModel {
  const input = tf.input({ shape: [32, 32, 3] });
  let x = new Conv2d({ name: 'first', filters: 4, kernelSize: 8, strides: 8, seed }).apply(input);
  x = new BatchNorm({ name: 'bn', activation: 'relu' }).apply(x);
  if (gates) x = new L0Gate({ name: 'gate', droprate_init: 0.05, seed }).apply(x);
  x = new Conv2d({ name: 'second', filters: 4, kernelSize: 2, strides: 2, seed: seed + 1 }).apply(x);
  x = tf.layers.globalAveragePooling2d({}).apply(x);
  const kernelInitializer = tf.initializers.varianceScaling({ seed, distribution: 'uniform' });
  const logits = tf.layers.dense({ name: 'logits', units: 3, kernelInitializer }).apply(x) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: logits, name: 'smallNet' });
}

/** All weights of a model by name, copied. */
export function weightsOf(model: tf.LayersModel): Record<string, Float32Array> {
  return Object.fromEntries(model.weights.map((w) => [w.originalName, w.read().dataSync<'float32'>().slice()]));
}
