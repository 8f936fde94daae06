import * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../backend/random.js';
import { imageShape, sizeOf } from '../data/imageSet.js';
import { UserError } from '../errors.js';
import { check, number, wholeNumber } from '../rules.js';
import { BatchNorm, type BatchNormOptions } from '../layers/batchNorm.js';
import { Conv2d, type Conv2dOptions } from '../layers/conv2d.js';

/** Options of every network. */
export interface NetworkOptions {
  /** Every number of channels is multiplied by this and rounded, to at least 1. Default 1. */
  widthMultiplier?: number;
  /** [height, width, channels] of the images. Default [32, 32, 3]. */
  inputShape?: readonly number[];
  /** How many logits the network returns. Default 10. */
  classes?: number;
  /** Determines all initial values. Default 0. */
  seed?: number;
}

interface NetworkParts {
  /** Turns a width of the full network into one of this network. */
  scaled: (width: number) => number;
  /** The images, [N, H, W, C]. */
  input: tf.SymbolicTensor;
  classes: number;
  seed: number;
}

/**
 * The options of the network `name` with their defaults. Throws a UserError for options out of range, and for images
 * with fewer than `leastSide` pixels in height or width.
 */
export function networkOptions(
  name: string,
  { widthMultiplier = 1, inputShape = [32, 32, 3], classes = 10, seed = 0 }: NetworkOptions,
  leastSide = 1,
): NetworkParts {
  check('widthMultiplier', widthMultiplier, number({ above: 0 }));
  check('classes', classes, wholeNumber({ min: 1 }));
  const shape = imageShape(inputShape, 'inputShape');
  if (Math.min(shape[0], shape[1]) < leastSide) {
    throw new UserError(
      `inputShape must be at least ${leastSide}x${leastSide} pixels for ${name}; received ${sizeOf(shape)}. Enlarge ` +
        'the images, or take another network.',
    );
  }
  return {
    scaled: (width) => Math.max(1, Math.round(width * widthMultiplier)),
    input: tf.input({ shape: [...shape], name: 'image' }),
    classes,
    seed,
  };
}

/**
 * A convolution, `name_conv`, whose initial values depend on `seed` and `name`, followed by a batch norm, `name_bn`,
 * which replaces the bias.
 */
export function convNorm(
  x: tf.SymbolicTensor,
  name: string,
  { seed, ...conv }: Conv2dOptions & { seed: number },
  norm: BatchNormOptions,
): tf.SymbolicTensor {
  const layer = new Conv2d({ name: `${name}_conv`, useBias: false, ...conv, seed: deriveSeed(seed, name) });
  return new BatchNorm({ name: `${name}_bn`, ...norm }).apply(layer.apply(x)) as tf.SymbolicTensor;
}

/**
 * The blocks of a residual network, `stage1_block1` and so on: `blocks` for each width of `stages`. The first block of
 * every stage except the first halves the image.
 */
export function residualStages(
  x: tf.SymbolicTensor,
  stages: readonly number[],
  blocks: number,
  block: (x: tf.SymbolicTensor, name: string, width: number, strides: number) => tf.SymbolicTensor,
): tf.SymbolicTensor {
  stages.forEach((width, stage) => {
    for (let b = 0; b < blocks; b++) {
      x = block(x, `stage${stage + 1}_block${b + 1}`, width, stage > 0 && b === 0 ? 2 : 1);
    }
  });
  return x;
}

/** The options of a dense layer of tf.layers, with a seed in place of the initializers. */
export type DenseOptions = Omit<Parameters<typeof tf.layers.dense>[0], 'kernelInitializer' | 'biasInitializer'> & {
  seed: number;
};

/**
 * A dense layer [N, fanIn] to [N, units] whose kernel and bias, if it has one, start as in PyTorch: uniform within
 * 1 / sqrt(fanIn).
 */
export function dense(x: tf.SymbolicTensor, { seed, ...options }: DenseOptions): tf.SymbolicTensor {
  const bound = 1 / Math.sqrt(x.shape.at(-1)!);
  const uniform = (seed: number): ReturnType<typeof tf.initializers.randomUniform> =>
    tf.initializers.randomUniform({ minval: -bound, maxval: bound, seed });
  const initializers = { kernelInitializer: uniform(seed), biasInitializer: uniform(deriveSeed(seed, 'bias')) };
  return tf.layers.dense({ ...options, ...initializers }).apply(x) as tf.SymbolicTensor;
}
