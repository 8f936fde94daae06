import type * as tf from '@tensorflow/tfjs';
import { runFused } from './fusedOps.js';

// The steps of optimizers that the fast backend makes in one pass over the memory of parameter, gradient and state.
// `hasKernel` says whether the active backend has them.

export interface AdamWOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Decoupled: the parameter shrinks by learningRate * weightDecay of itself. */
  weightDecay: number;
  /** 1 for the first step; corrects the bias of m and v. */
  step: number;
}

/**
 * One AdamW step (Loshchilov and Hutter, arXiv 1711.05101) in place: param, m and v change, and so does every tensor
 * that shares their values (clones).
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
  /** Added to the gradient times the parameter, as PyTorch's SGD does. */
  weightDecay: number;
}

/** One SGD step in place: param and velocity change, and so does every tensor that shares their values (clones). */
export function sgdStep(
  inputs: { param: tf.Tensor; grad: tf.Tensor; velocity?: tf.Tensor },
  options: SgdOptions,
): void {
  runFused<tf.Tensor[]>('SgdStep', inputs, { ...options });
}

/** A kernel that Muon changes, with its share in the step. */
export interface MuonKernel {
  /** [..., outputs], and so are the others: read as a matrix [all others, outputs]. */
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
  /** Of the iteration X <- a X + b X X'X + c X (X'X)^2, which is done `times` times. */
  coefficients: readonly [a: number, b: number, c: number];
  times: number;
}

/**
 * One step of Muon (training/muon.ts) for many small kernels in place: param and momentum change, and so does every
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
