// Replaces layers and activations of TensorFlow.js that are slow: a step of a network takes three times as long with
// its batch norm, ten times with its PReLU, fifty times with its layer norm. In training, tfjs also fails at a batch
// norm without a gamma or a beta, as in many networks from Keras, and at a ReLU with a threshold; its gradients of
// averages at borders and of upsampled batches are wrong.
import * as tf from '@tensorflow/tfjs';
import { activated, dropout, hasKernel } from '../backend/fusedOps.js';
import { movedStatistics, normaliseBy, normaliseByBatch } from './batchNorm.js';
import { isLastAxis, single, type CallOptions, type Weight } from './layer.js';

const read = (weight: Weight | undefined): tf.Tensor1D | undefined => weight?.read() as tf.Tensor1D | undefined;

const { classNameMap } = tf.serialization.SerializationMap.getMap();

const prototypeOf = <T>(className: string): T => (classNameMap[className][0] as unknown as { prototype: T }).prototype;

/** Replaces the `call` of a tfjs layer class by `compute`; if that returns undefined, tfjs computes. */
function replaceCall<L extends tf.layers.Layer>(
  className: string,
  compute: (layer: L, x: tf.Tensor, options: CallOptions) => tf.Tensor | undefined,
): void {
  const prototype = prototypeOf<L>(className);
  const plain = Reflect.get(prototype, 'call') as L['call'];
  prototype.call = function (this: L, inputs: tf.Tensor | tf.Tensor[], options: CallOptions) {
    const y = tf.tidy<tf.Tensor | []>(() => compute(this, single(inputs), options) ?? []);
    return Array.isArray(y) ? plain.call(this, inputs, options as never) : y;
  };
}

interface StandardLayer extends tf.layers.Layer {
  epsilon: number;
  gamma?: Weight;
  beta?: Weight;
}

/** tfjs's layer, with its conventions: `momentum` is the share of the old statistics. */
interface StandardBatchNorm extends StandardLayer {
  axis: number | [number];
  momentum: number;
  movingMean: Weight;
  movingVariance: Weight;
  /** As in our `BatchNorm`. */
  frozen?: boolean;
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) * gamma + beta over all axes but the last. Training uses the batch's own
 * moments and moves the running ones towards them; as in tfjs, the running variance moves towards the biased one.
 */
replaceCall('BatchNormalization', (layer: StandardBatchNorm, x, { training, updateStatistics = true }) => {
  if (!isLastAxis(layer.axis, x.rank) || x.rank > 4) return undefined;
  const [inputs, settings] = [{ x, gamma: read(layer.gamma), beta: read(layer.beta) }, { epsilon: layer.epsilon }];
  const [movingMean, movingVariance] = [read(layer.movingMean)!, read(layer.movingVariance)!];
  if (!training || layer.frozen) {
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

interface StandardLayerNorm extends StandardLayer {
  axis: number[];
}

/** y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, with the moments of each position over its channels. */
replaceCall('LayerNormalization', ({ axis, epsilon, gamma, beta }: StandardLayerNorm, x) => {
  if (!isLastAxis(axis, x.rank)) return undefined;
  const centred = x.sub(x.mean(-1, true));
  const y = centred.div(centred.square().mean(-1, true).add(epsilon).sqrt());
  const [scale, shift] = [read(gamma), read(beta)];
  const scaled = scale ? y.mul(scale) : y;
  return shift ? scaled.add(shift) : scaled;
});

interface StandardPReLU extends tf.layers.Layer {
  alpha: Weight;
}

/** y = relu(x) - alpha relu(-x). */
replaceCall('PReLU', ({ alpha }: StandardPReLU, x) => x.relu().sub(x.neg().relu().mul(alpha.read())));

interface StandardDropout extends tf.layers.Layer {
  rate: number;
  getNoiseShape(x: tf.Tensor): number[] | null | undefined;
}

/**
 * Drops each value with probability `rate`. The run's seed decides which, not the layer's own seed, with which tfjs
 * would drop the same values in every step.
 */
replaceCall('Dropout', (layer: StandardDropout, x, { training }) => {
  const { rate } = layer;
  if (!training || rate === 0 || rate === 1) return undefined;
  const noiseShape = layer.getNoiseShape(x); // SpatialDropout1D is a Dropout with its own noise shape
  if (noiseShape) return tf.dropout(x, rate, noiseShape);
  return dropout(x, { rate, seed: Math.floor(Math.random() * 2 ** 32) });
});

interface StandardReLU extends tf.layers.Layer {
  maxValue?: number | null;
}

/** The bound of MobileNets becomes relu6, which a backend can do in the same pass as the operation before it. */
replaceCall('ReLU', ({ maxValue }: StandardReLU, x) => (maxValue === 6 ? x.relu6() : undefined));

interface StandardThreshold extends tf.layers.Layer {
  theta: number;
}

/** y = x where x > theta, else 0. */
replaceCall('ThresholdedReLU', ({ theta }: StandardThreshold, x) => x.mul(x.sub(theta).step()));

interface StandardUpSampling extends tf.layers.Layer {
  size: [number, number];
  interpolation: string;
  dataFormat: string;
}

/** Repeats each pixel. tfjs's gradient, computed in JavaScript, takes those of another image's pixels. */
replaceCall('UpSampling2D', ({ size: [tall, wide], interpolation, dataFormat }: StandardUpSampling, x) => {
  if (interpolation !== 'nearest' || dataFormat !== 'channelsLast') return undefined;
  const [n, rows, columns, channels] = x.shape;
  const upsampled = tf.customGrad((images) => ({
    value: tf.image.resizeNearestNeighbor(images as tf.Tensor4D, [tall * rows, wide * columns]),
    gradFunc: (dy: tf.Tensor) => {
      const summed = dy.reshape([n * rows, tall, wide * columns * channels]).sum(1);
      return summed
        .reshape([n * rows * columns, wide, channels])
        .sum(1)
        .reshape(x.shape);
    },
  }));
  return upsampled(x);
});

/** For each window along an axis: its size divided by the number of its positions inside the image. */
function shares(size: number, { window, stride, before, n }: Record<'window' | 'stride' | 'before' | 'n', number>) {
  return Array.from({ length: n }, (_, i) => {
    const start = i * stride - before;
    return window / (Math.min(start + window, size) - Math.max(start, 0));
  });
}

interface StandardAverage extends tf.layers.Layer {
  poolSize: [number, number];
  strides: [number, number];
  padding: string;
  dataFormat: string;
}

/**
 * The mean over each window's positions inside the image. tfjs's gradient divides by all positions of the window, so it
 * is too small at a border.
 */
replaceCall('AveragePooling2D', ({ poolSize, strides, padding, dataFormat }: StandardAverage, x) => {
  if (padding !== 'same' || dataFormat !== 'channelsLast') return undefined;
  const shape = x.shape as [number, number, number, number];
  const info = tf.backend_util.computePool2DInfo(shape, poolSize, strides, 1, 'same');
  const [height, width] = poolSize;
  const { top, left } = info.padInfo;
  const rows = shares(shape[1], { window: height, stride: strides[0], before: top, n: info.outHeight });
  const columns = shares(shape[2], { window: width, stride: strides[1], before: left, n: info.outWidth });
  const factors = (): number[] => rows.flatMap((a) => columns.flatMap((b) => Array<number>(shape[3]).fill(a * b)));
  const corrected = tf.customGrad((y) => ({
    value: (y as tf.Tensor).clone(),
    gradFunc: (dy: tf.Tensor) => dy.mul(tf.tensor(factors(), [1, ...info.outShape.slice(1)])),
  }));
  return corrected(tf.avgPool(x as tf.Tensor4D, poolSize, strides, 'same'));
});

/** Returns the first of every `step` positions along the second axis of [N, size, ...]. */
function everyNth(x: tf.Tensor, step: number): tf.Tensor {
  const [n, size, ...rest] = x.shape;
  if (step === 1) return x;
  const groups = x.reshape([(n * size) / step, step, tf.util.sizeFromShape(rest), 1]);
  return groups.slice([0, 0, 0, 0], [-1, 1, -1, -1]).reshape([n, size / step, ...rest]);
}

interface StandardConv extends tf.layers.Layer {
  kernel: Weight;
  bias?: Weight | null;
  strides: [number, number];
  dilationRate: number | number[];
  padding: string;
  dataFormat: string;
  activation?: { apply(x: tf.Tensor): tf.Tensor } | null;
}

/**
 * Computes a convolution whose strides differ with stride 1, and keeps some of its positions. That is twice the work,
 * but tfjs's own way, in JavaScript, takes hundreds of times as long.
 */
replaceCall('Conv2D', (layer: StandardConv, x) => {
  const { strides, padding, dataFormat, dilationRate, bias, activation } = layer;
  if (strides[0] === strides[1] || dataFormat !== 'channelsLast') return undefined;
  if ([dilationRate].flat().some((rate) => rate !== 1)) return undefined;
  const filter = layer.kernel.read() as tf.Tensor4D;
  const shape = x.shape as [number, number, number, number];
  const pad = padding === 'same' ? 'same' : 'valid';
  const info = tf.backend_util.computeConv2DInfo(shape, filter.shape, strides, 1, pad);
  const { outHeight: rows, outWidth: columns, outChannels } = info;
  const sizes = [rows, columns].map((n, i) => n * strides[i] + filter.shape[i] - 1);
  const before = [info.padInfo.top, info.padInfo.left];
  const borders = sizes.map((size, i): [number, number] => [before[i], Math.max(0, size - before[i] - shape[i + 1])]);
  const framed = x.pad([[0, 0], ...borders, [0, 0]]);
  const fits = sizes.every((size, i) => framed.shape[i + 1] === size);
  const fitting = fits ? framed : framed.slice([0, 0, 0, 0], [-1, ...sizes, -1]);
  const all = tf.conv2d(fitting as tf.Tensor4D, filter, 1, 'valid');
  const some = everyNth(all, strides[0]).reshape([shape[0] * rows, columns * strides[1], outChannels]);
  const y = everyNth(some, strides[1]).reshape(info.outShape);
  const shifted = bias ? y.add(bias.read()) : y;
  return activation ? activation.apply(shifted) : shifted;
});

/** Replaces an activation of tfjs by `compute`; if that returns undefined, tfjs computes. */
function replaceActivation(name: string, compute: (x: tf.Tensor) => tf.Tensor | undefined): void {
  const prototype = prototypeOf<{ apply(x: tf.Tensor): tf.Tensor }>(name);
  const plain = Reflect.get(prototype, 'apply');
  prototype.apply = function (x) {
    return tf.tidy(() => compute(x) ?? plain.call(this, x));
  };
}

replaceActivation('relu6', (x) => x.relu6());
for (const name of ['Sigmoid', 'Swish', 'Gelu'] as const) {
  replaceActivation(name.toLowerCase(), (x) => (hasKernel(name) ? activated(x, name) : undefined));
}
/** Uses sums and products, because a power takes tfjs ten times as long. */
replaceActivation('gelu_new', (x) => {
  const inner = x.add(x.square().mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return x.mul(0.5).mul(inner.tanh().add(1));
});
// tfjs writes gelu_new into topologies but, converting it from Python's spelling, reads it as geluNew.
classNameMap.geluNew = classNameMap.gelu_new;
