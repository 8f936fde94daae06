// TensorFlow.js's own BatchNormalization in training. tfjs composes it of a dozen operations, which take three times as
// long as a whole step with `BatchNorm`, and fails where a layer has no gamma or no beta, as many networks from Keras do.
import * as tf from '@tensorflow/tfjs';
import { movedStatistics, normaliseByBatch } from './batchNorm.js';
import { single, type CallOptions, type Weight } from './layer.js';

/** What the layer of tfjs has, by its conventions: `momentum` is the share of the old statistics. */
interface Standard extends tf.layers.Layer {
  axis: number;
  epsilon: number;
  momentum: number;
  gamma?: Weight;
  beta?: Weight;
  movingMean: Weight;
  movingVariance: Weight;
}

const { prototype } = tf.layers.batchNormalization().constructor as unknown as { prototype: Standard };
// eslint-disable-next-line @typescript-eslint/unbound-method -- It is called with a layer of its own.
const { call } = prototype;

/**
 * y = (x - mean) / sqrt(variance + epsilon) * gamma + beta by the batch's own moments, over all axes but the last; the
 * running ones move towards them, as in tfjs the variance by the biased one. Other axes are left to tfjs.
 */
prototype.call = function (this: Standard, inputs: tf.Tensor | tf.Tensor[], options: CallOptions): tf.Tensor {
  const x = single(inputs);
  const last = this.axis === -1 || this.axis === x.rank - 1;
  if (!options.training || !last || x.rank > 4) return call.call(this, inputs, options) as tf.Tensor;
  return tf.tidy(() => {
    const [gamma, beta] = [this.gamma, this.beta].map((weight) => weight?.read() as tf.Tensor1D | undefined);
    const { y, mean, variance } = normaliseByBatch({ x, gamma, beta }, { epsilon: this.epsilon, relu: false });
    if (options.updateStatistics !== false) {
      const moving = { movingMean: this.movingMean.read(), movingVariance: this.movingVariance.read() };
      const settings = { momentum: 1 - this.momentum, unbiased: 1 };
      const [newMean, newVariance] = movedStatistics({ mean, variance, ...moving }, settings);
      this.movingMean.write(newMean);
      this.movingVariance.write(newVariance);
    }
    return y;
  });
};
