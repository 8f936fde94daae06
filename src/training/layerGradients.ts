import * as tf from '@tensorflow/tfjs';
import { readable } from '../backend/readable.js';
import { batches } from '../data/batches.js';
import { defaultNormalise } from '../data/normalise.js';
import type { ImageSet } from '../data/imageSet.js';
import { weightNames } from '../graph/names.js';
import { prunableWeights } from '../sparsity/prunableWeights.js';
import { crossEntropy, inputOf, logitsOf, type Loss } from './loss.js';
import { checkSet } from './checkSet.js';
import type { EvaluationOptions } from './evaluate.js';
import { unchanged } from './statistics.js';

/** The gradient of the loss with respect to one kernel. */
export interface LayerGradient {
  /** The kernel's name, as layer/kernel. */
  kernel: string;
  /** The Euclidean norm of the gradient, in nats per unit of weight. */
  norm: number;
  /** The share of the kernel's entries whose gradient is exactly 0: only weight decay can change those. */
  still: number;
}

/** The loss and the images for which gradients are computed. */
export interface LayerGradientOptions extends Pick<EvaluationOptions, 'normalise'> {
  /** Default: cross-entropy. */
  loss?: Loss;
  /** The number of images, from the first on, over which the loss is averaged. Default 128. */
  images?: number;
}

/**
 * Returns the gradient of the mean loss over a set's first images with respect to each kernel, from input to output,
 * with batch statistics as in training. Changes neither running statistics nor the gates' counts of draws. Throws a
 * UserError if the network does not fit the images.
 */
export async function layerGradients(
  model: tf.LayersModel,
  set: ImageSet,
  { loss = crossEntropy(), images = 128, normalise = defaultNormalise }: LayerGradientOptions = {},
): Promise<LayerGradient[]> {
  checkSet(model, set);
  const [batch] = batches(set, { batchSize: images, normalise });
  const kernels = prunableWeights(model);
  const names = weightNames(model);
  const gradients = unchanged(model, () =>
    tf.tidy(() => {
      const { x, labels } = inputOf(batch);
      const variables = kernels.map((kernel) => kernel.read() as tf.Variable);
      const { grads } = tf.variableGrads(
        () => loss(logitsOf(model, x, { training: true, seed: 0 }), labels),
        variables,
      );
      return variables.map(({ name }) => grads[name]);
    }),
  );
  try {
    await readable();
    return gradients.map((gradient, i) => {
      const values = gradient.dataSync<'float32'>();
      const squares = values.reduce((sum, value) => sum + value * value, 0);
      return {
        kernel: names.get(kernels[i])!,
        norm: Math.sqrt(squares),
        still: values.filter((value) => value === 0).length / values.length,
      };
    });
  } finally {
    tf.dispose(gradients);
  }
}
