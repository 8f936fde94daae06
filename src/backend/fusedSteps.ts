import type * as tf from '@tensorflow/tfjs';
import { runFused } from './fusedOps.js';

// Optimizer steps that the fast backend does in one pass over the memory of parameter, gradient and state. `hasKernel`
// says whether the active backend has them.

export interface AdamWOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Decoupled: the parameter shrinks by learningRate * weightDecay times itself. */
  weightDecay: number;
  /** 1 for the first step; corrects the bias of m and v. */
  step: number;
}

/**
 * Does one AdamW step (Loshchilov and Hutter, arXiv 1711.05101) in place: changes param, m and v, and every tensor that
 * shares their values (clones).
 */
export function adamWStep(
  inputs: { param: tf.Tensor; grad: tf.Tensor; m: tf.Tensor; v: tf.Tensor },
  options: AdamWOptions,
): void {
  runFused<tf.Tensor[]>('AdamWStep', inputs, { ...options });
}

export interface SgdOptions {
  learningRate: number;
  /** Velocity is momentum * velocity + gradient; 0 needs no velocity tensor. */
  momentum: number;
  /** Whether the step is gradient + momentum * velocity instead of the velocity. */
  nesterov: boolean;
  /** Times the parameter, added to the gradient, as in PyTorch's SGD. */
  weightDecay: number;
}

/** Does one SGD step in place: changes param and velocity, and every tensor that shares their values (clones). */
export function sgdStep(
  inputs: { param: tf.Tensor; grad: tf.Tensor; velocity?: tf.Tensor },
  options: SgdOptions,
): void {
  runFused<tf.Tensor[]>('SgdStep', inputs, { ...options });
}

/** A kernel that Muon updates, with its factors in the step. */
export interface MuonKernel {
  /** [..., outputs], as are grad and momentum: read as a matrix [all other axes, outputs]. */
  param: tf.Tensor;
  grad: tf.Tensor;
  momentum: tf.Tensor;
  /** The factors in param <- keep * param - rate * (orthogonal matrix). */
  rate: number;
  keep: number;
}

export interface MuonOptions {
  momentum: number;
  nesterov: boolean;
  /** The coefficients of the iteration X <- a X + b X X'X + c X (X'X)^2, which is done `times` times. */
  coefficients: readonly [a: number, b: number, c: number];
  times: number;
}

/**
 * Does one step of Muon (training/muon.ts) for many small kernels in place: changes param and momentum, and every
 * tensor that shares their values (clones).
 */
export function muonStep(kernels: readonly MuonKernel[], options: MuonOptions): void {
  const inputs = Object.fromEntries(
    kernels.flatMap(({ param, grad, momentum }, i) =>
      Object.entries({ param, grad, momentum }).map(([name, t]) => [name + i, t]),
    ),
  );
  const shares = kernels.map(({ rate, keep }) => ({ rate, keep }));
  runFused<tf.Tensor[]>('MuonStep', inputs, { ...options, shares });
}
