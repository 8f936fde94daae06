import * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../backend/random.js';
import { BatchNorm, type BatchNormOptions } from '../layers/batchNorm.js';
import { convNorm, dense, networkOptions, type NetworkOptions } from './networkOptions.js';

/** Sizes, seed and statistics of a MobileNetV2. */
export interface MobileNetV2Options extends NetworkOptions {
  /** Share of the new batch in the running statistics. Default 0.1. */
  momentum?: number;
}

const STEM = 32;
const HEAD = 1280;
/**
 * For each stage: the factor by which a block expands its input's width, the block's width, the number of blocks, and
 * the stride of the first.
 */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 1],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/**
 * MobileNetV2 (Sandler et al. 2018) for small images, as in its reimplementations for CIFAR: conv 3x3, 17 inverted
 * residual blocks, conv 1x1, global average pool, dense. Input [N, H, W, C], output logits [N, classes]; 2,296,922
 * parameters at width 1 for three channels and ten classes.
 *
 * A block has a 1x1 convolution that expands, a 3x3 depthwise convolution and a 1x1 convolution that projects, with
 * ReLU6 after the batch norms of the first two. Unlike the network for ImageNet, it keeps the image's size until the
 * third stage and has an expansion (by a factor of 1) in the first block too; every block of stride 1 has a shortcut, a
 * 1x1 convolution where widths differ. Padding is TensorFlow's `same`.
 *
 * Layers are named `block1_expand_conv`, `block1_expand_bn` (with its ReLU6), ..., `block1_sum`; the parts of a block
 * are expand, depthwise, project and shortcut. Throws a UserError for options out of range; the caller disposes the
 * network.
 */
export function mobileNetV2(options: MobileNetV2Options = {}): tf.LayersModel {
  const { scaled, input, classes, seed } = networkOptions('mobileNetV2', options);
  const { momentum } = options;
  const relu6 = { momentum, activation: 'relu6' } as const;

  const conv = (x: tf.SymbolicTensor, name: string, width: number, norm: BatchNormOptions, kernelSize = 1) => {
    const settings = {
      filters: scaled(width),
      kernelSize,
      padding: 'same',
      initializer: 'kaimingNormalFanOut',
    } as const;
    return convNorm(x, name, { ...settings, seed }, norm);
  };

  const depthwise = (x: tf.SymbolicTensor, name: string, strides: number): tf.SymbolicTensor => {
    const start = { scale: 2, mode: 'fanOut', distribution: 'normal', seed: deriveSeed(seed, name) } as const;
    const layer = tf.layers.depthwiseConv2d({
      ...{ name: `${name}_conv`, kernelSize: 3, strides, padding: 'same', useBias: false },
      depthwiseInitializer: tf.initializers.varianceScaling(start),
    });
    return new BatchNorm({ name: `${name}_bn`, ...relu6 }).apply(layer.apply(x)) as tf.SymbolicTensor;
  };

  let x = conv(input, 'stem', STEM, relu6, 3);
  let [inputs, blocks] = [STEM, 0];
  for (const [expansion, width, count, step] of STAGES) {
    for (let i = 0; i < count; i++) {
      const name = `block${++blocks}`;
      const strides = i === 0 ? step : 1;
      let y = conv(x, `${name}_expand`, expansion * inputs, relu6);
      y = depthwise(y, `${name}_depthwise`, strides);
      y = conv(y, `${name}_project`, width, { momentum });
      if (strides === 1) {
        const shortcut = inputs === width ? x : conv(x, `${name}_shortcut`, width, { momentum });
        y = tf.layers.add({ name: `${name}_sum` }).apply([y, shortcut]) as tf.SymbolicTensor;
      }
      [x, inputs] = [y, width];
    }
  }
  x = conv(x, 'head', HEAD, relu6);
  x = tf.layers.globalAveragePooling2d({ name: 'global_pool' }).apply(x) as tf.SymbolicTensor;
  const logits = dense(x, { name: 'logits', units: classes, seed: deriveSeed(seed, 'logits') });
  return tf.model({ inputs: input, outputs: logits, name: 'mobileNetV2' });
}
