// Operations that only the layers and optimizers of this package use, each in one pass: see fusedOps.ts and
// fusedSteps.ts.
import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../../errors.js';
import type { ExpectedOpenOptions, HardConcreteOptions } from '../../fusedOps.js';
import type { AdamWOptions, MuonKernel, MuonOptions, SgdOptions } from '../../fusedSteps.js';
import type { SimdBackend } from '../simdBackend.js';
import { convolveForward } from './conv2d.js';
import { roundUp } from './filterGradient.js';
import { convolutionGeometry, type WindowAttributes } from './geometry.js';
import type { Inputs } from '../kernelCall.js';
import { releaseAfterUse, type OwnKernels } from './override.js';
import { sumColumns } from './reductions.js';

const GRAIN_VECTORS = 4096;

function convBias(backend: SimdBackend, { x, filter, bias }: Inputs, attributes: WindowAttributes): tf.TensorInfo {
  const g = convolutionGeometry(x.shape, filter.shape, attributes);
  if (!g) {
    throw new UserError(
      `A fused convolution takes [N, H, W, C] images, one stride for both axes and no dilation; received images ` +
        `[${x.shape.join(', ')}], a filter [${filter.shape.join(', ')}] and ${JSON.stringify(attributes)}. Use tf.conv2d and tf.add instead.`,
    );
  }
  return convolveForward(backend, g, x, filter, bias);
}

/** Returns the sum of dy over all pixels: known to be exactly zero if a batch normalisation follows the convolution. */
function biasGrad(backend: SimdBackend, { dy }: Inputs): tf.TensorInfo {
  const channels = dy.shape[dy.shape.length - 1];
  const dbias = backend.output([channels]);
  const pixels = tf.util.sizeFromShape(dy.shape) / channels;
  if (backend.dataOf(dy).balanced === channels) backend.heap.floats(backend.pointer(dbias), channels).fill(0);
  else sumColumns(backend, backend.pointer(dy), pixels, channels, backend.pointer(dbias));
  return dbias;
}

/** Each gradient is computed only on request: the first layer's input needs none. */
const convBiasGradient: tf.GradConfig = {
  kernelName: 'SparsebookConvBias',
  inputsToSave: ['x', 'filter'],
  gradFunc: (dys, [x, filter], attrs) => {
    const dy = dys as tf.Tensor;
    const release = releaseAfterUse(dy);
    const run = (name: string, inputs: tf.NamedTensorMap, more: object): tf.Tensor =>
      tf.engine().runKernel(name, inputs, { ...attrs, ...more });
    return {
      x: () => run('Conv2DBackpropInput', { dy, filter }, { inputShape: x.shape }),
      filter: () => run('Conv2DBackpropFilter', { x, dy }, { filterShape: filter.shape }),
      // tfjs asks for the gradients in the order of the inputs, so this one is the last.
      bias: () => {
        const dbias = run('SparsebookBiasGrad', { dy }, {});
        release();
        return dbias;
      },
    };
  },
};

function hardConcreteSample(backend: SimdBackend, { logAlpha }: Inputs, options: HardConcreteOptions): tf.TensorInfo {
  const { n, seed, offset, temperature, gamma, zeta } = options;
  const channels = logAlpha.shape[0];
  const mask = backend.output([n, channels]);
  const args = [backend.pointer(logAlpha), backend.pointer(mask), channels, seed, offset, temperature, gamma, zeta];
  backend.run('hardConcreteSample', n, args, { grain: Math.ceil(512 / channels) });
  return mask;
}

function hardConcreteGrad(backend: SimdBackend, { dy, mask }: Inputs, options: HardConcreteOptions): tf.TensorInfo {
  const [n, channels] = mask.shape;
  const { temperature, gamma, zeta } = options;
  const dlogAlpha = backend.output([channels]);
  const pointers = [dy, mask, dlogAlpha].map((tensor) => backend.pointer(tensor));
  const args = [...pointers, n, channels, temperature, gamma, zeta];
  backend.run('hardConcreteGradient', channels, args, { grain: Math.ceil(8192 / n) });
  return dlogAlpha;
}

const hardConcreteGradient: tf.GradConfig = {
  kernelName: 'SparsebookHardConcreteSample',
  outputsToSave: [true],
  gradFunc: (dy, [mask], attrs) => ({
    logAlpha: () => tf.engine().runKernel('SparsebookHardConcreteSampleGrad', { dy: dy as tf.Tensor, mask }, attrs),
  }),
};

/** Applies dropout to x, or to dy on the way back. */
function dropout(backend: SimdBackend, { x }: Inputs, { rate, seed }: { rate: number; seed: number }): tf.TensorInfo {
  const [n, y] = [tf.util.sizeFromShape(x.shape), backend.output(x.shape)];
  const least = Math.min(Math.ceil(rate * 2 ** 32), 2 ** 32 - 1);
  const args = [backend.pointer(x), backend.pointer(y), seed, least, 1 / (1 - rate), n];
  backend.run('dropout', Math.ceil(n / 4), args, { grain: GRAIN_VECTORS });
  return y;
}

const dropoutGradient: tf.GradConfig = {
  kernelName: 'SparsebookDropout',
  gradFunc: (dy, _, attrs) => ({ x: () => tf.engine().runKernel('SparsebookDropout', { x: dy as tf.Tensor }, attrs) }),
};

const { fround } = Math;

/** P(mask = 0) of each gate, before it is kept away from 0 and 1; rounded as tensor operations round. */
function closedProbabilities(backend: SimdBackend, logAlpha: tf.TensorInfo, logit: number): Float32Array {
  const values = backend.heap.floats(backend.pointer(logAlpha), tf.util.sizeFromShape(logAlpha.shape));
  return values.slice().map((value) => 1 / (1 + Math.exp(-fround(fround(logit) - value))));
}

function expectedOpen(backend: SimdBackend, { logAlpha }: Inputs, options: ExpectedOpenOptions): tf.TensorInfo {
  const { logit, epsilon, factor } = options;
  const most = 1 - epsilon;
  let sum = 0;
  for (const closed of closedProbabilities(backend, logAlpha, logit)) {
    sum += fround(1 - fround(closed > most ? most : closed < epsilon ? epsilon : closed));
  }
  const y = backend.output([]);
  backend.heap.floats(backend.pointer(y), 1)[0] = fround(sum) * fround(factor);
  return y;
}

/** dlogAlpha = dy * factor * P(mask = 0) P(mask != 0), and 0 where probabilities are kept away from 0 and 1. */
function expectedOpenGrad(
  backend: SimdBackend,
  { dy, logAlpha }: Inputs,
  { logit, epsilon, factor }: ExpectedOpenOptions,
): tf.TensorInfo {
  const closed = closedProbabilities(backend, logAlpha, logit);
  const slope = fround(backend.heap.floats(backend.pointer(dy), 1)[0] * fround(factor));
  const [least, most] = [fround(epsilon), fround(1 - epsilon)];
  const dlogAlpha = backend.output(logAlpha.shape);
  const values = backend.heap.floats(backend.pointer(dlogAlpha), closed.length);
  closed.forEach((q, i) => (values[i] = q >= least && q <= most ? slope * fround(q * fround(1 - q)) : 0));
  return dlogAlpha;
}

const expectedOpenGradient: tf.GradConfig = {
  kernelName: 'SparsebookExpectedOpen',
  inputsToSave: ['logAlpha'],
  gradFunc: (dy, [logAlpha], attrs) => ({
    logAlpha: () => tf.engine().runKernel('SparsebookExpectedOpenGrad', { dy: dy as tf.Tensor, logAlpha }, attrs),
  }),
};

function adamWStep(backend: SimdBackend, { param, grad, m, v }: Inputs, options: AdamWOptions): tf.TensorInfo[] {
  backend.settleAll();
  const { learningRate, beta1, beta2, epsilon, weightDecay, step } = options;
  const n = tf.util.sizeFromShape(param.shape);
  const rate = learningRate / (1 - beta1 ** step);
  const root = 1 / Math.sqrt(1 - beta2 ** step);
  const pointers = [param, grad, m, v].map((t) => backend.pointer(t));
  const keep = 1 - learningRate * weightDecay;
  const args = [...pointers, n, beta1, 1 - beta1, beta2, 1 - beta2, rate, root, epsilon, keep];
  backend.run('adamW', Math.ceil(n / 4), args, { grain: GRAIN_VECTORS });
  return [];
}

function sgdStep(backend: SimdBackend, { param, grad, velocity }: Inputs, options: SgdOptions): tf.TensorInfo[] {
  backend.settleAll();
  const n = tf.util.sizeFromShape(param.shape);
  const pointers = [backend.pointer(param), backend.pointer(grad), backend.pointerOrNull(velocity)];
  const { learningRate, momentum, nesterov, weightDecay } = options;
  const args = [...pointers, n, learningRate, momentum, Number(nesterov), weightDecay];
  backend.run('sgd', Math.ceil(n / 4), args, { grain: GRAIN_VECTORS });
  return [];
}

/** 32-bit numbers per kernel in `muon`'s table. */
const MUON_KERNEL = 7;

interface MuonAttributes extends MuonOptions {
  shares: readonly Pick<MuonKernel, 'rate' | 'keep'>[];
}

function muonStep(backend: SimdBackend, inputs: Inputs, options: MuonAttributes): tf.TensorInfo[] {
  backend.settleAll();
  const { shares, momentum, nesterov, coefficients, times } = options;
  backend.withBlock(shares.length * MUON_KERNEL * 4, (table) => {
    const floats = backend.heap.floats(table, shares.length * MUON_KERNEL);
    const words = new Uint32Array(floats.buffer, table, floats.length);
    let scratch = 0;
    for (const [i, { rate, keep }] of shares.entries()) {
      const columns = inputs[`param${i}`].shape.at(-1)!;
      const rows = tf.util.sizeFromShape(inputs[`param${i}`].shape) / columns;
      const pointers = ['param', 'grad', 'momentum'].map((name) => backend.pointer(inputs[name + i]));
      words.set([...pointers, rows, columns], i * MUON_KERNEL);
      floats.set([rate, keep], i * MUON_KERNEL + 5);
      const [side, length] = [roundUp(Math.min(rows, columns), 4), roundUp(Math.max(rows, columns), 8)];
      scratch = Math.max(scratch, 8 * side * (length + side));
    }
    const args = [table, momentum, Number(nesterov), ...coefficients, times];
    backend.run('muon', shares.length, args, { chunks: shares.length, scratch });
  });
  return [];
}

export const fusedGradients = [convBiasGradient, hardConcreteGradient, dropoutGradient, expectedOpenGradient];

export const fusedKernels: OwnKernels = {
  SparsebookConvBias: convBias,
  SparsebookBiasGrad: biasGrad,
  SparsebookHardConcreteSample: hardConcreteSample,
  SparsebookHardConcreteSampleGrad: hardConcreteGrad,
  SparsebookDropout: dropout,
  SparsebookExpectedOpen: expectedOpen,
  SparsebookExpectedOpenGrad: expectedOpenGrad,
  SparsebookAdamWStep: adamWStep,
  SparsebookSgdStep: sgdStep,
  SparsebookMuonStep: muonStep,
};
