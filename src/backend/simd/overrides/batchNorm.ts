import * as tf from '@tensorflow/tfjs';
import type { FusedBatchNormOptions, Relu, RunningStatisticsOptions } from '../../fusedOps.js';
import type { SimdBackend } from '../simdBackend.js';
import type { Deferred } from '../tensorData.js';
import type { Inputs } from '../kernelCall.js';
import { isRecording, releaseAfterUse, type OwnKernels } from './override.js';

/**
 * The most partial sums of the moments and their gradients. Their number depends on the shape alone, so that any number
 * of threads adds in the same order.
 */
const MOST_CHUNKS = 16;
/** Bytes of private memory that summing kernels need. */
const STAGE = 64;

interface Layout {
  channels: number;
  pixels: number;
  chunks: number;
  /** Floats from one image of the gate to the next; without a gate it is 0, and all pixels count as one image. */
  gateStep: number;
  imagePixels: number;
}

function layout(x: tf.TensorInfo, gate: tf.TensorInfo | undefined): Layout {
  const channels = x.shape[x.shape.length - 1];
  const pixels = tf.util.sizeFromShape(x.shape) / channels;
  return {
    channels,
    pixels,
    chunks: Math.max(1, Math.min(MOST_CHUNKS, pixels, Math.floor((pixels * channels) / 8192))),
    gateStep: gate ? channels : 0,
    imagePixels: gate ? pixels / x.shape[0] : pixels,
  };
}

/** Bytes of a vector of channels, padded so that whole vectors can be loaded. */
const channelBytes = (channels: number): number => Math.ceil(channels / 4) * 16;

/** Calls `use` with `count` vectors of channels, each padded so that whole vectors can be loaded and sums stored. */
function withChannels<T>(backend: SimdBackend, channels: number, count: number, use: (arrays: number[]) => T): T {
  const bytes = channelBytes(channels);
  return backend.withBlock(count * bytes, (block) => use(Array.from({ length: count }, (_, i) => block + i * bytes)));
}

/**
 * The end of a batch normalisation, y = relu?((x - mean) * scale + beta) * gate, deferred until y's place is known.
 * Frees `block`, which holds mean, scale and beta.
 */
function deferApply(backend: SimdBackend, { x, gate }: Inputs, block: number, relu: Relu): tf.TensorInfo {
  const { channels, pixels, gateStep, imagePixels } = layout(x, gate);
  const [mean, scale, beta, ones] = [0, 1, 2, 3].map((i) => block + i * channelBytes(channels));
  const write = (to: number, row: number): void => {
    const norm = [mean, scale, beta, gate ? backend.pointer(gate) : ones, gateStep];
    const args = [backend.pointer(x), to, row * 4, ...norm, imagePixels, channels, Number(relu)];
    backend.run('batchNormApply', pixels, args, { grain: Math.ceil(8192 / channels), images: x.shape[0] });
  };
  return backend.defer(x.shape, { reads: gate ? [x, gate] : [x], block, write, repeatable: true });
}

/**
 * Returns a block for mean, scale, beta and ones (which replace a missing gate); beta, if given, and ones are filled
 * in.
 */
function parameterBlock(backend: SimdBackend, channels: number, beta?: tf.TensorInfo): number {
  const bytes = channelBytes(channels);
  const block = backend.heap.allocate(4 * bytes);
  const values = backend.heap.floats(block + 2 * bytes, bytes / 2);
  if (beta) values.set(backend.heap.floats(backend.pointer(beta), channels));
  values.fill(1, bytes / 4);
  return block;
}

/** Returns [y, mean, variance] of x and its optional gamma, beta and gate. */
function fusedBatchNorm(
  backend: SimdBackend,
  inputs: Inputs,
  { epsilon, relu }: FusedBatchNormOptions,
): tf.TensorInfo[] {
  const { x, gamma, gate } = inputs;
  const { channels, pixels, chunks } = layout(x, gate);
  const [mean, variance] = [backend.output([channels]), backend.output([channels])];
  const block = parameterBlock(backend, channels, inputs.beta);
  withChannels(backend, channels, 5 * chunks, ([sums]) => {
    const images = x.shape[0];
    backend.together(x, () =>
      backend.run('batchNormSums', pixels, [backend.pointer(x), channels, sums], { chunks, images, scratch: STAGE }),
    );
    const moments = [backend.pointerOrNull(gamma), block, backend.pointer(variance), block + channelBytes(channels)];
    const units = images >= chunks ? images : pixels;
    backend.pool.kernels.batchNormMoments(sums, chunks, units, channels, pixels, epsilon, ...moments);
  });
  backend.heap.floats(backend.pointer(mean), channels).set(backend.heap.floats(block, channels));
  return [deferApply(backend, inputs, block, relu), mean, variance];
}

/**
 * Returns y of x and its optional gamma, beta and gate, with given mean and variance; `scaled` says whether a gamma was
 * given.
 */
function fusedBatchNormInference(
  backend: SimdBackend,
  inputs: Inputs,
  { epsilon, relu, scaled = true }: FusedBatchNormOptions & { scaled?: boolean },
): tf.TensorInfo {
  const { mean, variance, gamma } = inputs;
  const channels = mean.shape[0];
  const block = parameterBlock(backend, channels, inputs.beta);
  backend.heap.floats(block, channels).set(backend.heap.floats(backend.pointer(mean), channels));
  const scale = block + channelBytes(channels);
  backend.pool.kernels.batchNormScale(
    backend.pointer(variance),
    backend.pointerOrNull(gamma),
    scale,
    channels,
    epsilon,
  );
  const work = isRecording() ? undefined : backend.deferred(inputs.x);
  const key = backend.names(variance, scaled ? gamma : undefined) + String(epsilon);
  return work?.then
    ? deferFolded(backend, inputs, block, { relu, key, work })
    : deferApply(backend, inputs, block, relu);
}

/** The same for an x that is a deferred convolution and that no gradient needs: the two are fused. */
function deferFolded(
  backend: SimdBackend,
  { x, gate }: Inputs,
  block: number,
  { relu, key, work: convolution }: { relu: Relu; key: string; work: Deferred },
): tf.TensorInfo {
  const { channels, pixels } = layout(x, undefined);
  const [mean, scale, shift] = [0, 1, 2].map((i) => block + i * channelBytes(channels));
  const [m, s, b] = [mean, scale, shift].map((pointer) => backend.heap.floats(pointer, channels));
  for (let c = 0; c < channels; c++) b[c] -= m[c] * s[c];
  const work = convolution.then!({ affine: { scale, shift, key }, relu, block });
  if (!gate) return backend.defer(x.shape, work);
  const write = (to: number, row: number): void => {
    work.write?.(to, row);
    const args = [to, row * 4, backend.pointer(gate), pixels / x.shape[0], channels];
    backend.run('gateRows', pixels, args, { grain: Math.ceil(8192 / channels) });
  };
  return backend.defer(x.shape, { ...work, reads: [...work.reads, gate], write });
}

/**
 * Returns [dx, dgamma, dbeta, dgate (with a gate)]; `given` says that the moments were not computed from x. dx is
 * deferred until its consumer is known, which takes it while it is in the cache.
 */
function fusedBatchNormGrad(
  backend: SimdBackend,
  { dy, x, mean, variance, gamma, beta, gate }: Inputs,
  { epsilon, relu, given }: FusedBatchNormOptions & { given: boolean },
): tf.TensorInfo[] {
  const l = layout(x, gate);
  const { channels, pixels, imagePixels, gateStep } = l;
  const [images] = x.shape;
  const [dgamma, dbeta] = [backend.output([channels]), backend.output([channels])];
  const dgate = gate && backend.output(gate.shape);
  const block = parameterBlock(backend, channels);
  const [scale, slope, offset, ones] = [0, 1, 2, 3].map((i) => block + i * channelBytes(channels));
  const { batchNormScale, batchNormGradientMoments } = backend.pool.kernels;
  const pvariance = backend.pointer(variance);
  batchNormScale(pvariance, backend.pointerOrNull(gamma), scale, channels, epsilon);
  /** The inputs of both passes: x, dy and how they are normalised. */
  const from = (): number[] => {
    // Its pixels may lie apart, as part of a larger tensor.
    const { pointer, row } = backend.deferred(dy)?.view ?? { pointer: backend.pointer(dy), row: channels };
    const norm = [backend.pointer(mean), scale, backend.pointer(beta), gate ? backend.pointer(gate) : ones, gateStep];
    return [backend.pointer(x), pointer, row * 4, ...norm];
  };
  const shape = [imagePixels, channels, Number(relu)];
  const items = gate ? images : pixels;
  const chunks = Math.min(l.chunks, items);
  withChannels(backend, channels, 4 * chunks, ([sums]) => {
    backend.together(x, () => {
      const args = [...from(), backend.pointerOrNull(dgate), ...shape, pixels / items, sums];
      backend.run('batchNormGradientSums', items, args, { chunks, images, scratch: STAGE });
    });
    const results = [backend.pointer(dgamma), backend.pointer(dbeta), slope, offset];
    batchNormGradientMoments(sums, chunks, channels, pixels, epsilon, pvariance, scale, Number(given), ...results);
  });
  const write = (to: number, row: number): void => {
    const args = [...from(), to, row * 4, slope, offset, ...shape];
    backend.run('batchNormGradientApply', pixels, args, { grain: Math.ceil(8192 / channels), images });
  };
  const reads = [dy, x, mean, beta, gate].filter((tensor) => tensor !== undefined);
  const dx = backend.defer(x.shape, { reads, block, write, repeatable: true });
  // dx is orthogonal to constants: adding a constant to all of x changes nothing.
  if (!given) backend.dataOf(dx).balanced = channels;
  return dgate ? [dx, dgamma, dbeta, dgate] : [dx, dgamma, dbeta];
}

/** Returns [movingMean, movingVariance] mixed with a share of the batch's, rounded as tensor operations round. */
function runningStatistics(
  backend: SimdBackend,
  { mean, variance, movingMean, movingVariance }: Inputs,
  { momentum, unbiased }: RunningStatisticsOptions,
): tf.TensorInfo[] {
  const mixed = (moving: tf.TensorInfo, batch: tf.TensorInfo, factor: number): tf.TensorInfo => {
    const y = backend.output(moving.shape);
    const pointers = [y, moving, batch].map((tensor) => backend.pointer(tensor));
    const [to, old, more] = pointers.map((pointer) => backend.heap.floats(pointer, moving.shape[0]));
    const [keep, share] = [Math.fround(1 - momentum), Math.fround(momentum * factor)];
    for (let c = 0; c < to.length; c++) to[c] = Math.fround(old[c] * keep) + Math.fround(more[c] * share);
    return y;
  };
  return [mixed(movingMean, mean, 1), mixed(movingVariance, variance, unbiased)];
}

/**
 * The gradients as tfjs needs them. With and without a gate they are two kernels, since tfjs saves every input that a
 * gradient names.
 */
export const batchNormGradients: tf.GradConfig[] = [false, true].flatMap((gated) => {
  const names = gated ? ['x', 'gamma', 'beta', 'gate'] : ['x', 'gamma', 'beta'];
  const gradFunc =
    (given: boolean): tf.GradFunc =>
    (dys, saved, attrs) => {
      const dy = Array.isArray(dys) ? dys[0] : dys;
      const [mean, variance] = saved.slice(given ? 1 : -2);
      const inputs = given ? [saved[0], ...saved.slice(3)] : saved.slice(0, names.length);
      const tensors = Object.fromEntries(names.map((name, i) => [name, inputs[i]]));
      const all = { dy, mean, variance, ...tensors };
      const results: tf.Tensor[] = tf.engine().runKernel('SparsebookFusedBatchNormGrad', all, { ...attrs, given });
      releaseAfterUse(dy)();
      return Object.fromEntries(names.map((name, i) => [name, () => results[i]]));
    };
  const prefix = gated ? 'SparsebookGated' : 'SparsebookFused';
  return [
    {
      kernelName: `${prefix}BatchNorm`,
      inputsToSave: names,
      outputsToSave: [false, true, true],
      gradFunc: gradFunc(false),
    },
    {
      kernelName: `${prefix}BatchNormInference`,
      inputsToSave: ['x', 'mean', 'variance', ...names.slice(1)],
      gradFunc: gradFunc(true),
    },
  ];
});

/** With and without a gate there are two kernels for tfjs, but one function here. */
export const batchNormKernels: OwnKernels = {
  SparsebookFusedBatchNorm: fusedBatchNorm,
  SparsebookGatedBatchNorm: fusedBatchNorm,
  SparsebookFusedBatchNormInference: fusedBatchNormInference,
  SparsebookGatedBatchNormInference: fusedBatchNormInference,
  SparsebookFusedBatchNormGrad: fusedBatchNormGrad,
  SparsebookRunningStatistics: runningStatistics,
};
