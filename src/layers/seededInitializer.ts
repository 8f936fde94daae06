import * as tf from '@tensorflow/tfjs';
import { deriveSeed, Random } from '../backend/random.js';

/** tf.layers' initializer: returns the initial values of a weight with the given shape. */
export type Initializer = ReturnType<typeof tf.initializers.zeros>;

/**
 * How a convolution is initialised: Kaiming-normal by the inputs of one output (the usual way), Kaiming-normal by the
 * outputs of one input (torchvision's ResNets), or uniform, bias included, as PyTorch does by default.
 */
export const initializerNames = ['kaimingNormal', 'kaimingNormalFanOut', 'uniform'] as const;
/** One of `initializerNames`. */
export type InitializerName = (typeof initializerNames)[number];

/**
 * Returns the initial kernel and bias of a convolution with a kernel [K, K, Cin, Cout]: the kernel N(0, sqrt(2 / fan))
 * for ReLU, with fan K * K * Cin or K * K * Cout (He et al. 2015), and the bias 0; or both uniform within 1 / sqrt(K *
 * K * Cin).
 */
export function initialConvolution(
  name: InitializerName,
  seed: number,
  [height, width, channels, filters]: number[],
): { kernel: Initializer; bias: Initializer } {
  const [fanIn, fanOut] = [height * width * channels, height * width * filters];
  if (name === 'uniform') {
    const bound = 1 / Math.sqrt(fanIn);
    const uniform = (random: Random): number => bound * (2 * random.next() - 1);
    return { kernel: drawn(seed, uniform), bias: drawn(deriveSeed(seed, 'bias'), uniform) };
  }
  const fan = name === 'kaimingNormal' ? fanIn : fanOut;
  return { kernel: seededNormal(seed, 0, Math.sqrt(2 / fan)), bias: tf.initializers.zeros() };
}

/**
 * Draws weights from the normal distribution N(mean, standardDeviation). The random stream depends only on `seed`, so
 * two models with the same seed start with the same bits on every backend.
 */
export function seededNormal(seed: number, mean: number, standardDeviation: number): Initializer {
  return drawn(seed, (random) => mean + standardDeviation * random.normal());
}

function drawn(seed: number, draw: (random: Random) => number): Initializer {
  const apply = (shape: number[]): tf.Tensor => {
    const random = new Random(deriveSeed(seed, 'weights'));
    const values = new Float32Array(tf.util.sizeFromShape(shape));
    for (let i = 0; i < values.length; i++) values[i] = draw(random);
    return tf.tensor(values, shape);
  };
  // tf.layers only ever calls apply(); its abstract class is not exported.
  return { apply } as unknown as Initializer;
}
