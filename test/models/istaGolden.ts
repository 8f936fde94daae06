// How the golden files of the ISTA project name the parts of ResNet-20 and CNN-4.
import type * as tf from '@tensorflow/tfjs';
import { cnn4, resnet20 } from 'sparsebook/models';
import { weight, type GoldenArray } from '../goldens.ts';

export const networks: Record<string, () => tf.LayersModel> = { resnet20: () => resnet20(), cnn4: () => cnn4() };

const roles: Record<string, string> = { c0: 'first', c1: 'second', p: 'projection' };

/** `g1b0p` is our `stage2_block1_projection`, `conv3` our `block3`. */
export function ourUnitName(golden: string): string {
  const fixed: Record<string, string> = { first_conv: 'stem', fc1: 'hidden', softmax_linear: 'logits' };
  if (golden in fixed) return fixed[golden];
  const [, stage, block, part] = /^g(\d)b(\d)(c0|c1|p)$/.exec(golden) ?? [];
  if (part) return `stage${Number(stage) + 1}_block${Number(block) + 1}_${roles[part]}`;
  return golden.replace('conv', 'block');
}

/** The name of the layer that holds a unit's kernel. */
export function ourKernelLayer(golden: string): string {
  return `${ourUnitName(golden)}_${golden === 'softmax_linear' ? 'dense' : 'conv'}`;
}

/** `g1b0c0.moving_mean` is our `stage2_block1_first_bn/movingMean`. */
export function ourWeightName(golden: string): string {
  const [unit, key] = golden.split('.');
  if (key === 'weight') return `${ourKernelLayer(unit)}/kernel`;
  return `${ourUnitName(unit)}_bn/${key.replace('moving_mean', 'movingMean').replace('moving_variance', 'movingVariance')}`;
}

/** The project's logits are a 1x1 convolution where ours are dense: [10, Cin, 1, 1] becomes [Cin, 10]. */
export function ourWeight({ shape, ...array }: GoldenArray): tf.Tensor {
  const dense = shape.length === 4 && shape[2] === 1 && shape[3] === 1;
  return weight({ ...array, shape: dense ? shape.slice(0, 2) : shape });
}
