// Layers of TensorFlow.js itself that it computes slowly: a step of a network takes three times as long with its batch
// norm, ten times with its PReLU, fifty times with its layer norm. In training it also fails where a batch norm has no
// gamma or no beta, as in many networks from Keras.
import * as tf from '@tensorflow/tfjs';
import { movedStatistics, normaliseBy, normaliseByBatch } from './batchNorm.js';
import { single, type CallOptions, type Weight } from './layer.js';

interface StandardLayer extends tf.layers.Layer {
  epsilon: number;
  gamma?: Weight;
  beta?: Weight;
}

/** tfjs's layer, by its conventions: `momentum` is the share of the old statistics. */
interface StandardBatchNorm extends StandardLayer {
  axis: number;
  momentum: number;
  movingMean: Weight;
  movingVariance: Weight;
}

interface StandardLayerNorm extends StandardLayer {
  axis: number[];
}

interface StandardPReLU extends tf.layers.Layer {
  alpha: Weight;
}

const read = (weight: Weight | undefined): tf.Tensor1D | undefined => weight?.read() as tf.Tensor1D | undefined;

/** Lets `compute` answer in the place of the `call` of a class of tfjs; where it answers undefined, tfjs does. */
function replaceCall<L extends tf.layers.Layer>(
  className: string,
  compute: (layer: L, x: tf.Tensor, options: CallOptions) => tf.Tensor | undefined,
): void {
  const [known] = tf.serialization.SerializationMap.getMap().classNameMap[className];
  const { prototype } = known as unknown as { prototype: L };
  const plain = Reflect.get(prototype, 'call') as L['call'];
  prototype.call = function (this: L, inputs: tf.Tensor | tf.Tensor[], options: CallOptions) {
    const y = tf.tidy<tf.Tensor | []>(() => compute(this, single(inputs), options) ?? []);
    return Array.isArray(y) ? plain.call(this, inputs, options as never) : y;
  };
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) * gamma + beta over all axes but the last: in training by the batch's own
 * moments, towards which the running ones then move, as in tfjs the variance by the biased one.
 */
replaceCall('BatchNormalization', (layer: StandardBatchNorm, x, { training, updateStatistics = true }) => {
  if ((layer.axis !== -1 && layer.axis !== x.rank - 1) || x.rank > 4) return undefined;
  const [inputs, settings] = [{ x, gamma: read(layer.gamma), beta: read(layer.beta) }, { epsilon: layer.epsilon }];
  const [movingMean, movingVariance] = [read(layer.movingMean)!, read(layer.movingVariance)!];
  if (!training) {
    return normaliseBy({ ...inputs, mean: movingMean, variance: movingVariance }, { ...settings, relu: false });
  }
  const { y, mean, variance } = normaliseByBatch(inputs, { ...settings, relu: false });
  if (updateStatistics) {
    const options = { momentum: 1 - layer.momentum, unbiased: 1 };
    const [newMean, newVariance] = movedStatistics({ mean, variance, movingMean, movingVariance }, options);
    layer.movingMean.write(newMean);
    layer.movingVariance.write(newVariance);
  }
  return y;
});

/** y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, by the moments of each place over its channels. */
replaceCall('LayerNormalization', ({ axis, epsilon, gamma, beta }: StandardLayerNorm, x) => {
  if (axis.length !== 1 || (axis[0] !== -1 && axis[0] !== x.rank - 1)) return undefined;
  const centred = x.sub(x.mean(-1, true));
  const y = centred.div(centred.square().mean(-1, true).add(epsilon).sqrt());
  const [scale, shift] = [read(gamma), read(beta)];
  const scaled = scale ? y.mul(scale) : y;
  return shift ? scaled.add(shift) : scaled;
});

/** y = relu(x) - alpha relu(-x). */
replaceCall('PReLU', ({ alpha }: StandardPReLU, x) => x.relu().sub(x.neg().relu().mul(alpha.read())));
