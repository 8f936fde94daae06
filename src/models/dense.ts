import * as tf from '@tensorflow/tfjs';

/** What a dense layer of tf.layers takes, apart from how its weights start. */
export type DenseOptions = Omit<Parameters<typeof tf.layers.dense>[0], 'kernelInitializer'> & { seed: number };

/**
 * A dense layer whose kernel starts as PyTorch's does, uniform within 1 / sqrt(fanIn), and whose bias, if any, at zero:
 * [N, fanIn] to [N, units].
 */
export function dense({ seed, ...options }: DenseOptions): tf.layers.Layer {
  const kernelInitializer = tf.initializers.varianceScaling({
    scale: 1 / 3,
    mode: 'fanIn',
    distribution: 'uniform',
    seed,
  });
  return tf.layers.dense({ ...options, kernelInitializer });
}
