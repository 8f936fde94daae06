import * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../backend/random.js';
import type { Activation } from '../layers/layer.js';
import { MaxPool2d } from '../layers/maxPool2d.js';
import { convNorm, dense, networkOptions, residualStages, type NetworkOptions } from './networkOptions.js';

/** Widths of the four stages; all but the first begin by halving the image. */
const STAGES = [64, 128, 256, 512];
const BLOCKS = 2;
const HIDDEN = 100;

/**
 * ResNet-18 (He et al. 2016) as torchvision builds it for ImageNet, stem 7x7/2 and max-pool 3x3/2 included, with a head
 * of two dense layers. Input [N, H, W, C], output logits [N, classes]; at width 1 for three channels the body has
 * 11,176,512 parameters, and the head 512-100-10 has 52,310.
 *
 * Layers are named as in `resnet20`: `stage1_block1_first_conv`, `stage1_block1_first_bn` (with its ReLU),
 * `stage1_block1_sum`, `stage1_block1_relu`; the parts of a block are first, second and projection. `fromTorchvision`
 * returns our name for a torchvision weight:
 *
 *     conv1, bn1                     stem_conv, stem_bn
 *     layer2.0.conv1, .bn1           stage2_block1_first_conv, .._bn
 *     layer2.0.conv2, .bn2           stage2_block1_second_conv, .._bn
 *     layer2.0.downsample.0, .1      stage2_block1_projection_conv, .._bn
 *     (fc is replaced)               hidden, logits
 *
 * The 22 kernels in `weights` are in torchvision's order.
 *
 * Throws a UserError for options out of range; the caller disposes the network.
 */
export function resnet18(options: NetworkOptions = {}): tf.LayersModel {
  const { scaled, input, classes, seed } = networkOptions('resnet18', options);

  const unit = (
    x: tf.SymbolicTensor,
    name: string,
    filters: number,
    kernelSize: number,
    strides: number,
    activation: Activation,
  ): tf.SymbolicTensor => {
    const padding = (kernelSize - 1) / 2;
    const conv = { filters, kernelSize, strides, padding, initializer: 'kaimingNormalFanOut', seed } as const;
    return convNorm(x, name, conv, { activation });
  };

  const block = (x: tf.SymbolicTensor, name: string, width: number, strides: number): tf.SymbolicTensor => {
    const first = unit(x, `${name}_first`, width, 3, strides, 'relu');
    const second = unit(first, `${name}_second`, width, 3, 1, 'linear');
    const shortcut = strides === 1 ? x : unit(x, `${name}_projection`, width, 1, strides, 'linear');
    const sum = tf.layers.add({ name: `${name}_sum` }).apply([second, shortcut]);
    return tf.layers.activation({ name: `${name}_relu`, activation: 'relu' }).apply(sum) as tf.SymbolicTensor;
  };

  let x = unit(input, 'stem', scaled(STAGES[0]), 7, 2, 'relu');
  x = new MaxPool2d({ name: 'stem_pool', poolSize: 3, strides: 2, padding: 1 }).apply(x) as tf.SymbolicTensor;
  x = residualStages(x, STAGES.map(scaled), BLOCKS, block);
  x = tf.layers.globalAveragePooling2d({ name: 'global_pool' }).apply(x) as tf.SymbolicTensor;
  const hidden = dense(x, {
    name: 'hidden',
    units: scaled(HIDDEN),
    activation: 'relu',
    seed: deriveSeed(seed, 'hidden'),
  });
  const logits = dense(hidden, { name: 'logits', units: classes, seed: deriveSeed(seed, 'logits') });
  return tf.model({ inputs: input, outputs: logits, name: 'resnet18' });
}
