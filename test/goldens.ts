// Reads the reference values (test/fixtures/goldens, or the folder in SPARSEBOOK_GOLDENS). They are in PyTorch's order:
// activations NCHW, convolution weights OIHW, dense weights [out, in]; the helpers here convert them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { uniform } from 'sparsebook/backend/random.js';
import { computedValues } from 'sparsebook/backend/readable.js';
import { useBackend, type BackendInfo, type BackendName } from 'sparsebook/backend/useBackend.js';

/** The backend of golden tests that use only one: cpu, or SPARSEBOOK_GOLDENS_BACKEND. */
export const goldensBackend = (process.env.SPARSEBOOK_GOLDENS_BACKEND ?? 'cpu') as BackendName;
export const useGoldensBackend = (): Promise<BackendInfo> => useBackend({ backend: goldensBackend });

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

const folder = process.env.SPARSEBOOK_GOLDENS ?? join(import.meta.dirname, 'fixtures', 'goldens');

/** The fields in which a file or a case describes itself in words. */
const WORDS = ['what', 'source', 'layout', 'notes', 'tolerance', 'observed_error', 'code_raised'];

/**
 * Reads a golden file, e.g. 'l0_gate'. Its tests must read every field of every case; otherwise the test file fails and
 * names the fields left. Exempt are the paths in `notes` (`expected.layers[].limit`; `*` is any key) and everything
 * below them.
 */
export function readGolden<Case = GoldenCase, Rest = unknown>(
  name: string,
  notes: string[] = [],
): { cases: Case[] } & Rest {
  const file = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as { cases: Case[] } & Rest;
  const read = new Set<string>();
  const known = [...WORDS, ...notes].map((note) => {
    const pattern = note.replaceAll(/[.[\]]/g, String.raw`\$&`).replaceAll('*', '.+');
    return new RegExp(String.raw`(^|\.)${pattern}($|[.[])`);
  });
  after(() => {
    // On another backend some cases may be skipped or end early.
    if (process.env.SPARSEBOOK_GOLDENS_BACKEND !== undefined) return;
    const left = leaves(file, '').filter((path) => !read.has(path) && !known.some((note) => note.test(path)));
    assert.ok(left.length === 0, `${name}.json has fields that no test reads: ${[...new Set(left)].join(', ')}`);
  });
  return watched(file, '', read);
}

/** Values that are read in one piece: a number, a text, an array of them, a stored array. */
function isLeaf(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Array.isArray(value) ? typeof value[0] !== 'object' : 'shape' in value && 'data' in value;
}

/** A case is identified by its name; all entries of any other array share one path. */
function pathOf(parent: string, key: string, value: unknown, inArray: boolean): string {
  if (inArray) return parent === 'cases' ? (value as GoldenCase).name : `${parent}[]`;
  return parent === '' ? key : `${parent}.${key}`;
}

function leaves(value: unknown, path: string): string[] {
  if (isLeaf(value)) return [path];
  return Object.entries(value as object).flatMap(([key, below]) =>
    leaves(below, pathOf(path, key, below, Array.isArray(value))),
  );
}

/** The same value, wrapped so that every leaf read through it is recorded. */
function watched<T>(value: T, path: string, read: Set<string>): T {
  if (isLeaf(value)) return value;
  return new Proxy(value as object, {
    get(target, key, receiver): unknown {
      const below: unknown = Reflect.get(target, key, receiver);
      if (typeof key === 'symbol' || !Object.hasOwn(target, key) || key === 'length') return below;
      const at = pathOf(path, key, below, Array.isArray(target));
      if (isLeaf(below)) read.add(at);
      return watched(below, at, read);
    },
  }) as T;
}

/**
 * The kind of a case, which is the first of the given fields in its `expected`. Refuses a case that has none of them.
 */
export function kindOf<Kind extends string>({ name, expected }: GoldenCase, kinds: readonly Kind[]): Kind {
  const kind = kinds.find((field) => field in (expected as object));
  assert.ok(kind !== undefined, `the case ${name} expects none of ${kinds.join(', ')}, which are what is tested`);
  return kind;
}

/** The part of the file that a case refers to in a text such as `see top level tables.gated`. */
export function topLevel<T>(file: object, text: string): T {
  const path = /^see top level (\S+)$/.exec(text)?.[1];
  assert.ok(path !== undefined, `'${text}' names no part of the file`);
  return path.split('.').reduce((part: unknown, key) => (part as Record<string, unknown>)[key], file) as T;
}

/** The array for a text such as `fill(seed=3190, shape=[4,3,32,32], scale=1.6, offset=0)`. */
export function parseFill(text: string): Values {
  const [, seed, shape, scale, offset] =
    /^fill\(seed=(\d+), shape=(\[[\d,]+\]), scale=([-\d.e]+), offset=([-\d.e]+)\)$/.exec(text) ?? [];
  assert.ok(offset !== undefined, `'${text}' is no fill(...)`);
  return fill({ seed: +seed, shape: JSON.parse(shape) as number[], scale: +scale, offset: +offset });
}

/** An array given by its values in row-major order. */
export interface Values {
  shape: number[];
  data: ArrayLike<number>;
}

function made(shape: number[], value: (i: number) => number): Values & { data: Float32Array } {
  const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
  for (let i = 0; i < data.length; i++) data[i] = value(i);
  return { shape, data };
}

/** value[i] = fround((2 u(seed, i) - 1) scale + offset), in the order of the recipe's shape. */
export function fill({ shape, seed, scale, offset }: Omit<GoldenRecipe, 'name'>): Values & { data: Float32Array } {
  return made(shape, (i) => (2 * uniform(seed, i) - 1) * scale + offset);
}

/** Uniform noise in [1e-6, 1 - 1e-6]: fround(1e-6 + (1 - 2e-6) u(seed, i)). */
export function noise(seed: number, shape: number[]): Values & { data: Float32Array } {
  return made(shape, (i) => 1e-6 + (1 - 2e-6) * uniform(seed, i));
}

/** The array as a tensor in the order it is stored in; the caller disposes it. */
export function tensor({ shape, data }: Values): tf.Tensor {
  return tf.tensor(data, shape, 'float32');
}

/** An activation as a tensor, channels last: NCHW becomes NHWC, lower ranks stay; the caller disposes it. */
export function activation(array: Values): tf.Tensor {
  return tf.tidy(() => (array.shape.length === 4 ? tensor(array).transpose([0, 2, 3, 1]) : tensor(array)));
}

/** A weight as tf.layers holds it: OIHW becomes HWIO, [out, in] becomes [in, out]; the caller disposes it. */
export function weight(array: Values): tf.Tensor {
  return tf.tidy(() => {
    if (array.shape.length === 4) return tensor(array).transpose([2, 3, 1, 0]);
    return array.shape.length === 2 ? tensor(array).transpose() : tensor(array);
  });
}

/** The shape that `weight` gives to a weight of the files. */
export function weightShape(shape: number[]): number[] {
  const order = shape.length === 4 ? [2, 3, 1, 0] : shape.length === 2 ? [1, 0] : [0];
  return order.map((axis) => shape[axis]);
}

/** A tensor of ours in the files' order, flat: the inverse of `activation` (NHWC) or `weight` (HWIO, [in, out]). */
export function flatGolden(t: tf.Tensor, kind: 'activation' | 'weight'): Float32Array {
  if (t.rank === 4) return computedValues(() => t.transpose(kind === 'activation' ? [0, 3, 1, 2] : [3, 2, 0, 1]));
  return kind === 'weight' && t.rank === 2 ? computedValues(() => t.transpose()) : t.dataSync<'float32'>();
}

/**
 * Asserts |actual - expected| <= absolute + relative * |expected| for every entry; the message names the worst entry.
 */
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
    // NaN on either side must fail, so the comparison tests for closeness, not for distance.
    if (!(excess <= 0)) worst = excess <= worst.excess ? worst : { excess, i };
  }
  const { i } = worst;
  assert.ok(i < 0, `${what}: [${i}] is ${actual[i]}, expected ${expected[i]} (abs ${absolute}, rel ${relative})`);
}

/** A gradient as summarised in the files. */
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
