// Reads the reference values (test/fixtures/goldens, or the folder in SPARSEBOOK_GOLDENS). They are in PyTorch's order:
// activations NCHW, convolution weights OIHW, dense weights [out, in]; the helpers here turn them round.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { uniform } from 'sparsebook/backend/random.js';

/** An array as the files store it: flat, row-major. */
export interface GoldenArray {
  shape: number[];
  dtype: string;
  data: number[];
}

/** A large array that is not stored: `fill` computes it. */
export interface GoldenRecipe {
  name: string;
  shape: number[];
  seed: number;
  scale: number;
  offset: number;
}

export interface GoldenCase<Inputs = unknown, Attrs = unknown, Expected = unknown> {
  name: string;
  inputs: Inputs;
  attrs: Attrs;
  expected: Expected;
  tolerance?: Record<string, number>;
}

export interface GoldenFile<Case> {
  what: string;
  cases: Case[];
  tables: Record<string, GoldenRecipe[]>;
}

const folder = process.env.SPARSEBOOK_GOLDENS ?? join(import.meta.dirname, 'fixtures', 'goldens');

/** All of one golden file, e.g. 'l0_gate'. */
export function readGolden<Case = GoldenCase>(name: string): GoldenFile<Case> {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as GoldenFile<Case>;
}

const sizeOf = (shape: number[]): number => shape.reduce((product, n) => product * n, 1);

/** value[i] = fround((2 u(seed, i) - 1) scale + offset), in the order of the recipe's shape. */
export function fill({ shape, seed, scale, offset }: Omit<GoldenRecipe, 'name'>): GoldenArray {
  const data = Array.from({ length: sizeOf(shape) }, (_, i) =>
    Math.fround((2 * uniform(seed, i) - 1) * scale + offset),
  );
  return { shape, dtype: 'float32', data };
}

/** Uniform noise in [1e-6, 1 - 1e-6]: fround(1e-6 + (1 - 2e-6) u(seed, i)). */
export function noise(seed: number, shape: number[]): GoldenArray {
  const data = Array.from({ length: sizeOf(shape) }, (_, i) => Math.fround(1e-6 + (1 - 2e-6) * uniform(seed, i)));
  return { shape, dtype: 'float32', data };
}

/** The array as a tensor in the order it is stored in; the caller disposes it. */
export function tensor({ shape, data }: GoldenArray): tf.Tensor {
  return tf.tensor(data, shape, 'float32');
}

/** An activation as a tensor, channels last: NCHW becomes NHWC, lower ranks stay; the caller disposes it. */
export function activation(array: GoldenArray): tf.Tensor {
  return tf.tidy(() => (array.shape.length === 4 ? tensor(array).transpose([0, 2, 3, 1]) : tensor(array)));
}

/** A weight as tf.layers holds it: OIHW becomes HWIO, [out, in] becomes [in, out]; the caller disposes it. */
export function weight(array: GoldenArray): tf.Tensor {
  return tf.tidy(() => {
    if (array.shape.length === 4) return tensor(array).transpose([2, 3, 1, 0]);
    return array.shape.length === 2 ? tensor(array).transpose() : tensor(array);
  });
}

/** A tensor of ours in the files' order, flat: the inverse of `activation` (NHWC) or `weight` (HWIO, [in, out]). */
export function flatGolden(t: tf.Tensor, kind: 'activation' | 'weight'): Float32Array {
  const order = kind === 'activation' ? [0, 3, 1, 2] : [3, 2, 0, 1];
  return tf.tidy(() => {
    if (t.rank === 4) return t.transpose(order).dataSync<'float32'>();
    return kind === 'weight' && t.rank === 2 ? t.transpose().dataSync<'float32'>() : t.dataSync<'float32'>();
  });
}

/** Every |actual - expected| is at most absolute + relative * |expected|; the message names the worst entry. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { absolute = 0, relative = 0 }: { absolute?: number; relative?: number },
  what: string,
): void {
  assert.equal(actual.length, expected.length, `${what}: number of values`);
  let worst = { excess: -Infinity, i: -1 };
  for (let i = 0; i < expected.length; i++) {
    const excess = Math.abs(actual[i] - expected[i]) - absolute - relative * Math.abs(expected[i]);
    // NaN on either side must fail, so the comparison asks for what is right.
    if (!(excess <= 0)) worst = excess <= worst.excess ? worst : { excess, i };
  }
  const { i } = worst;
  assert.ok(i < 0, `${what}: [${i}] is ${actual[i]}, expected ${expected[i]} (abs ${absolute}, rel ${relative})`);
}

/** A gradient as the files summarise it. */
export interface GradientSummary {
  name: string;
  l2: number;
  sum: number;
  abs_sum: number;
  first: number[];
}

/** The summary of a gradient given flat in the files' order. */
export function summarise(name: string, values: Float32Array, first = 3): GradientSummary {
  let [square, sum, absolute] = [0, 0, 0];
  for (const v of values) {
    square += v * v;
    sum += v;
    absolute += Math.abs(v);
  }
  return { name, l2: Math.sqrt(square), sum, abs_sum: absolute, first: [...values.subarray(0, first)] };
}

/** The largest magnitude in an array. */
export function maxAbs(values: ArrayLike<number>): number {
  return Array.from(values).reduce((max, v) => Math.max(max, Math.abs(v)), 0);
}
