// Convolutions of integers: every backend gives the bits of a reference that computes with integers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { quantizedConv, type Grid } from 'sparsebook/backend/fusedOps.js';
import { registerSimd } from 'sparsebook/backend/simd/register.js';
import { builds, computeOn, forAll, random, useSimd, type Plain } from './compare.ts';

interface Case {
  input: [number, number, number, number];
  kernel: [number, number, number, number];
  strides: number;
  pad: 'same' | 'valid' | tf.backend_util.ExplicitPadding;
  grid: Grid;
  output: Grid | null;
  relu: boolean;
  seed: number;
}

const within = (min: number, max: number) => fc.integer({ min, max });
const grid = fc.record({ scale: fc.constantFrom(1 / 64, 0.013, 1 / 127), zero: fc.constantFrom(0, 1, 63, 127) });
const cases = fc
  .record({
    image: fc.tuple(within(1, 3), within(1, 9), within(1, 9)),
    channels: fc.tuple(within(1, 21), within(1, 37)),
    side: fc.constantFrom(1, 1, 2, 3, 5),
    strides: within(1, 2),
    pad: fc.oneof(
      fc.constantFrom('same' as const, 'valid' as const),
      fc
        .tuple(within(0, 2), within(0, 2), within(0, 2), within(0, 2))
        .map(([top, bottom, left, right]): tf.backend_util.ExplicitPadding => [
          [0, 0],
          [top, bottom],
          [left, right],
          [0, 0],
        ]),
    ),
    grid,
    output: fc.option(grid.map(({ scale, zero }) => ({ scale: 40 * scale, zero }))),
    relu: fc.boolean(),
    seed: within(1, 1e6),
  })
  .map(({ image, channels, side, ...rest }): Case => {
    return { input: [...image, channels[0]], kernel: [side, side, ...channels], ...rest };
  })
  .filter(({ input, kernel, strides, pad }) => {
    try {
      return tf.backend_util.computeConv2DInfo(input, kernel, strides, 1, pad).outShape.every((n) => n > 0);
    } catch {
      return false;
    }
  });

const evenRound = (x: number): number => {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
};
const codeOf = (x: number, { zero }: Grid): number => Math.max(0, Math.min(127, evenRound(x) + zero)) - zero;

interface Parts {
  x: Plain;
  kernel: Plain;
  bias: Plain;
  scale: Plain;
}

function partsOf({ input, kernel, seed }: Case): Parts {
  const cout = kernel[3];
  const whole = (shape: number[], most: number, salt: number): Plain => {
    const { values } = random(shape, seed + salt);
    return { shape, values: values.map((value) => Math.round(most * value)) };
  };
  const scales = random([cout], seed + 3).values.map((value) => 0.01 * (1.5 + value));
  return {
    x: random(input, seed),
    kernel: whole(kernel, 127, 1),
    bias: whole([cout], 5000, 2),
    scale: { shape: [cout], values: scales },
  };
}

/** The convolution, computed in integers and single-precision floats. */
function reference(c: Case, { x, kernel, bias, scale }: Parts): Float32Array {
  const info = tf.backend_util.computeConv2DInfo(c.input, c.kernel, c.strides, 1, c.pad);
  const [, height, width, cin] = c.input;
  const [side, , , cout] = c.kernel;
  const codes = x.values.map((value) => codeOf(Math.fround(value * Math.fround(1 / c.grid.scale)), c.grid));
  const y = new Float32Array(info.outShape.reduce((n, side) => n * side, 1));
  let at = 0;
  for (let n = 0; n < info.batchSize; n++) {
    for (let oy = 0; oy < info.outHeight; oy++) {
      for (let ox = 0; ox < info.outWidth; ox++) {
        for (let o = 0; o < cout; o++) {
          let sum = bias.values[o];
          for (let ky = 0; ky < side; ky++) {
            for (let kx = 0; kx < side; kx++) {
              const [iy, ix] = [oy * c.strides - info.padInfo.top + ky, ox * c.strides - info.padInfo.left + kx];
              if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
              for (let i = 0; i < cin; i++) {
                sum +=
                  codes[((n * height + iy) * width + ix) * cin + i] *
                  kernel.values[((ky * side + kx) * cin + i) * cout + o];
              }
            }
          }
          const factor = Math.fround(scale.values[o] * Math.fround(c.grid.scale / (c.output?.scale ?? 1)));
          const value = Math.fround(sum * factor);
          const positive = c.relu ? Math.max(0, value) : value;
          y[at++] = c.output ? codeOf(positive, c.output) * Math.fround(c.output.scale) : positive;
        }
      }
    }
  }
  return y;
}

const compute =
  (c: Case) =>
  (...[x, kernel, bias, scale]: tf.Tensor[]): tf.Tensor =>
    quantizedConv(
      { x: x as tf.Tensor4D, kernel: kernel.toInt(), bias: bias.toInt(), scale } as Parameters<typeof quantizedConv>[0],
      { strides: c.strides, pad: c.pad, input: c.grid, output: c.output, relu: c.relu },
    );

// -0 and 0 are the same number here.
const bits = ({ values }: Pick<Plain, 'values'>): number[] => Array.from(values, (value) => value + 0);

async function assertBits(backend: 'cpu' | 'simd', c: Case): Promise<void> {
  const parts = partsOf(c);
  const [got] = await computeOn(backend, compute(c), [parts.x, parts.kernel, parts.bias, parts.scale]);
  assert.deepEqual(bits(got), bits({ values: reference(c, parts) }));
}

for (const { variant, threads } of [...builds, { variant: 'wide' as const, threads: 3 }]) {
  test(`integers are convolved exactly: simd, ${variant}, ${threads} threads`, async () => {
    const backend = await useSimd(variant, threads);
    const { live } = backend.heap.usage();
    await forAll(cases, (c) => assertBits('simd', c), 60);
    // Only the threads' scratch memory stays.
    assert.ok(backend.heap.usage().live - live <= 64 * 1024 * threads, 'blocks are left on the heap');
    await backend.pool.close();
  });
}

test('integers are convolved exactly on the cpu backend, even more channels than a float can add up', async () => {
  await forAll(cases, (c) => assertBits('cpu', c), 20);
  const wide: Case = {
    ...{ input: [1, 1, 1, 1500], kernel: [1, 1, 1500, 2], strides: 1, pad: 'valid' },
    ...{ grid: { scale: 1 / 127, zero: 63 }, output: null, relu: false, seed: 7 },
  };
  await assertBits('cpu', wide);
});

test('codes that pass through pooling and concatenation give the same results as the tensors alone', async () => {
  const backend = registerSimd({ variant: 'fma', threads: 2 });
  const c: Case = {
    ...{ input: [2, 6, 5, 3], kernel: [3, 3, 3, 7], strides: 1, pad: 'same' },
    ...{ grid: { scale: 1 / 64, zero: 60 }, output: { scale: 0.5, zero: 9 }, relu: false, seed: 5 },
  };
  const last: Case = { ...c, input: [2, 6, 5, 14], kernel: [1, 1, 14, 5], grid: c.output!, output: null, seed: 6 };
  const [first, second] = [partsOf(c), partsOf(last)];
  for (const read of [false, true]) {
    const chain = (...tensors: tf.Tensor[]): tf.Tensor[] => {
      const y = compute(c)(...tensors.slice(0, 4)) as tf.Tensor4D;
      const pooled = tf.maxPool(y, 3, 1, 1);
      const joined = tf.concat([y, pooled], 3);
      // Reading the floats in between changes nothing.
      if (read) for (const tensor of [y, pooled]) tensor.dataSync();
      const result = compute(last)(joined, ...tensors.slice(4));
      return [result, joined, pooled, y.reshape([-1])];
    };
    const { kernel, bias, scale } = second;
    const inputs: Plain[] = [first.x, first.kernel, first.bias, first.scale, kernel, bias, scale];
    const [wanted, got] = [await computeOn('cpu', chain, inputs), await computeOn('simd', chain, inputs)];
    assert.deepEqual(got.map(bits), wanted.map(bits));
  }
  await backend.pool.close();
});
