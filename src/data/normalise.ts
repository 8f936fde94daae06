import { UserError } from '../errors.js';
import { sizeOf, type ImageSet, type ImageShape, shapeOf } from './imageSet.js';

/** Turns one image's values in 0..255 ([H, W, C], flat) into a network's input, in place. */
export type Normalise = (image: Float32Array, shape: ImageShape) => void;

/** Mean and standard deviation of each channel, [C] both, on a scale of 0..1. */
export interface ChannelStatistics {
  mean: readonly number[];
  std: readonly number[];
}

/** Mean and deviation of each channel over the pixels of CIFAR-10's training images, as used by the L0 project. */
export const cifar10Statistics: ChannelStatistics = {
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.2435, 0.2616],
};

/**
 * Mean of each channel over CIFAR-10's training images, with the average of the single images' deviations, as used by
 * the RePr and ResNet-18 projects.
 */
export const cifar10ImageStatistics: ChannelStatistics = {
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.2023, 0.1994, 0.201],
};

/**
 * Returns the mean and standard deviation of each channel over all pixels of a set, usually the training set, for
 * `normalise`. A constant channel gets the deviation 1, so that it becomes 0.
 */
export function channelStatistics(set: ImageSet): ChannelStatistics {
  const { images } = set;
  const channels = shapeOf(set)[2];
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let i = 0; i < images.length; i += channels) {
    for (let k = 0; k < channels; k++) {
      const value = images[i + k];
      sums[k] += value;
      squares[k] += value * value;
    }
  }
  const pixels = images.length / channels;
  const mean = Array.from(sums, (sum) => sum / pixels / 255);
  const std = Array.from(squares, (sum, k) => Math.sqrt(Math.max(0, sum / pixels / 255 ** 2 - mean[k] ** 2)));
  // A smaller deviation, below a thousandth of the step between two values, is only rounding error.
  return { mean, std: std.map((deviation) => (deviation > 1e-3 / 255 ? deviation : 1)) };
}

/**
 * x <- (x / 255 - mean) / std, for each channel. Throws a UserError unless each channel has a mean and a deviation
 * above 0; the returned function throws one for images with another number of channels.
 */
export function normalise({ mean, std }: ChannelStatistics): Normalise {
  if (mean.length !== std.length || !mean.every(Number.isFinite) || !std.every((deviation) => deviation > 0)) {
    throw new UserError(
      `Statistics must be a mean and a standard deviation above 0 for each channel; received mean [${mean.join(', ')}] and ` +
        `std [${std.join(', ')}].`,
    );
  }
  const channels = mean.length;
  const scale = Float64Array.from(std, (deviation) => 1 / (255 * deviation));
  const shift = Float64Array.from(mean, (value, k) => value / std[k]);
  return (image, shape) => {
    if (shape[2] !== channels) {
      throw new UserError(
        `Statistics must have a mean and a deviation for each channel of the images, ${sizeOf(shape)}; received ${channels} ` +
          'of each. Measure them: normalise(channelStatistics(data.train)).',
      );
    }
    for (let i = 0; i < image.length; i += channels) {
      for (let k = 0; k < channels; k++) image[i + k] = image[i + k] * scale[k] - shift[k];
    }
  };
}

/** x <- scale x + shift, for all values: 1 / 255 and 0 map them to 0..1, 1 / 127.5 and -1 map them to -1..1. */
export function scaleValues({ scale, shift }: { scale: number; shift: number }): Normalise {
  return (image) => {
    for (let i = 0; i < image.length; i++) image[i] = image[i] * scale + shift;
  };
}

const ofPhotographs = normalise(cifar10Statistics);

/**
 * The default normalisation. Three channels use CIFAR-10's means and standard deviations; any other number of channels
 * uses, for each, CIFAR-10's mean 0.473 and deviation 0.251 over all three.
 */
export const defaultNormalise: Normalise = (image, shape) => {
  if (shape[2] === 3) return ofPhotographs(image, shape);
  for (let i = 0; i < image.length; i++) image[i] = (image[i] / 255 - 0.473) / 0.251;
};

/**
 * x <- (x - mean) / max(std, 1 / sqrt(n)), over all n values of one image: TensorFlow's per_image_standardization. A
 * constant image becomes 0.
 */
export const standardise: Normalise = (image) => {
  const n = image.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += image[i];
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (image[i] - mean) ** 2;
  const scale = 1 / Math.max(Math.sqrt(squares / n), 1 / Math.sqrt(n));
  for (let i = 0; i < n; i++) image[i] = (image[i] - mean) * scale;
};
