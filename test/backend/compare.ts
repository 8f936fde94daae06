// Runs the same computation on the plain cpu backend and on the simd one and compares the results; shared by the tests
// of the fast kernels.
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { registerSimd } from 'sparsebook/backend/simd/register.js';
import type { SimdBackend } from 'sparsebook/backend/simd/simdBackend.js';
import type { Variant } from 'sparsebook/backend/simd/wasm.js';

/** Values of a tensor, independent of any backend. */
export interface Plain {
  shape: number[];
  values: Float32Array;
}

/**
 * Every variant of the kernels, each with its own number of threads. The wide variant runs anywhere but is fast only
 * where the engine joins vectors.
 */
export const builds: { variant: Variant; threads: number }[] = [
  { variant: 'fma', threads: 2 },
  { variant: 'wide', threads: 2 },
  { variant: 'plain', threads: 1 },
];

export async function useSimd(variant: Variant, threads: number): Promise<SimdBackend> {
  const backend = registerSimd({ variant, threads });
  await tf.setBackend('simd');
  return backend;
}

/** Numbers in (-1, 1), the same for the same seed. */
export function random(shape: number[], seed: number): Plain {
  let state = seed >>> 0 || 1;
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  return { shape, values };
}

export type Compute = (...tensors: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

/** Computes on one backend and returns the results as plain values. */
export async function computeOn(backend: 'cpu' | 'simd', compute: Compute, inputs: Plain[]): Promise<Plain[]> {
  if (backend === 'cpu') await useBackend({ backend });
  else await tf.setBackend(backend);
  const results = tf.tidy(() => [compute(...inputs.map(({ shape, values }) => tf.tensor(values, shape)))].flat());
  const plain = results.map((t) => ({ shape: t.shape, values: t.dataSync<'float32'>() }));
  tf.dispose(results);
  return plain;
}

/**
 * Asserts that two lists of tensors agree to within a fraction of each tensor's largest value, and have NaN and
 * infinities in the same places.
 */
export function assertClose(actual: Plain[], expected: Plain[], tolerance = 2e-5): void {
  assert.deepEqual(
    actual.map((t) => t.shape),
    expected.map((t) => t.shape),
  );
  expected.forEach(({ values }, i) => {
    const scale = values.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 1e-6);
    values.forEach((value, j) => {
      const other = actual[i].values[j];
      const close = Number.isFinite(value) ? Math.abs(other - value) <= tolerance * scale : Object.is(other, value);
      assert.ok(close, `result ${i}, value ${j}: ${other} instead of ${value} (largest ${scale})`);
    });
  });
}

/** Asserts that one, two and three threads and tiles of any width give the same bits. */
export async function assertSameBits(compute: () => Promise<Plain[]>): Promise<void> {
  const results: Plain[][] = [];
  for (const [variant, threads] of [
    ['fma', 1],
    ['fma', 2],
    ['fma', 3],
    ['wide', 2],
  ] as const) {
    await useSimd(variant, threads);
    results.push(await compute());
  }
  for (const result of results) assert.deepEqual(result, results[0]);
}

/** Asserts that simd computes what cpu computes. */
export async function assertSameAsCpu(compute: Compute, inputs: Plain[], tolerance?: number): Promise<void> {
  const expected = await computeOn('cpu', compute, inputs);
  assertClose(await computeOn('simd', compute, inputs), expected, tolerance);
}

/**
 * Checks a property over random shapes; the number of runs keeps each check below a few seconds. The shapes are the
 * same every time, because a value next to ReLU's edge may fall to either side; SPARSEBOOK_SEED draws others.
 */
export async function forAll<T>(
  arbitrary: fc.Arbitrary<T>,
  check: (value: T) => Promise<void>,
  numRuns = 75,
): Promise<void> {
  await fc.assert(fc.asyncProperty(arbitrary, check), { numRuns, seed: Number(process.env.SPARSEBOOK_SEED ?? 1) });
}
