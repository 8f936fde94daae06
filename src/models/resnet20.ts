import * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../backend/random.js';
import type { Activation } from '../layers/layer.js';
import { BatchNorm } from '../layers/batchNorm.js';
import { convNorm, dense, networkOptions, residualStages, type NetworkOptions } from './networkOptions.js';

/** Options of `resnet20`. */
export interface ResNet20Options extends NetworkOptions {
  /** Share of the new batch in the running statistics; the project uses 0.001, for 100,000 steps. Default 0.1. */
  momentum?: number;
}

/** Widths of the three stages; all but the first begin by halving the image. */
const STAGES = [16, 32, 64];
const BLOCKS = 3;

interface UnitOptions {
  strides?: number;
  /** Whether there is a gamma to prune by: only where nothing else depends on the unit's channels. Default false. */
  scale?: boolean;
  activation?: Activation;
}

/**
 * ResNet-20 for small images as in the project on pruning by ISTA (Ye et al. 2018): conv 3x3, three stages of three
 * blocks, global average pool, dense. Input [N, H, W, C], output logits [N, classes]; 279,716 parameters and 1,588
 * running statistics at width 1 for three channels and ten classes.
 *
 * It is not the usual ResNet-20: no ReLU follows the sum of a block; a stage's first block has a 2x2 convolution of
 * stride 2 in its shortcut; padding is TensorFlow's `same`; the logits (in the project a 1x1 convolution) are
 * batch-normalised too. Only the first convolution of each block, nine in all, and the logits have a gamma.
 *
 * Layers are named `stage1_block1_first_conv`, `stage1_block1_first_bn` (with its ReLU), `stage1_block1_sum`; the parts
 * of a block are first, second and projection. Throws a UserError for options out of range; the caller disposes the
 * network.
 */
export function resnet20(options: ResNet20Options = {}): tf.LayersModel {
  const { scaled, input, classes, seed } = networkOptions('resnet20', options);
  const normal = { epsilon: 1e-3, momentum: options.momentum };

  const unit = (
    x: tf.SymbolicTensor,
    name: string,
    filters: number,
    kernelSize: number,
    { strides = 1, scale = false, activation = 'linear' }: UnitOptions,
  ): tf.SymbolicTensor =>
    convNorm(x, name, { filters, kernelSize, strides, padding: 'same', seed }, { ...normal, scale, activation });

  const block = (x: tf.SymbolicTensor, name: string, width: number, strides: number): tf.SymbolicTensor => {
    const first = unit(x, `${name}_first`, width, 3, { strides, scale: true, activation: 'relu' });
    const second = unit(first, `${name}_second`, width, 3, {});
    const shortcut = strides === 1 ? x : unit(x, `${name}_projection`, width, 2, { strides });
    return tf.layers.add({ name: `${name}_sum` }).apply([second, shortcut]) as tf.SymbolicTensor;
  };

  let x = unit(input, 'stem', scaled(STAGES[0]), 3, { activation: 'relu' });
  x = residualStages(x, STAGES.map(scaled), BLOCKS, block);
  x = tf.layers.globalAveragePooling2d({ name: 'global_pool' }).apply(x) as tf.SymbolicTensor;
  const logits = dense(x, { name: 'logits_dense', units: classes, useBias: false, seed: deriveSeed(seed, 'logits') });
  x = new BatchNorm({ ...normal, name: 'logits_bn' }).apply(logits) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: x, name: 'resnet20' });
}
