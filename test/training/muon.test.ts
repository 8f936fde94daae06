import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { AdamW } from 'sparsebook/training/adam.js';
import { Muon, orthogonalised } from 'sparsebook/training/muon.js';
import type { Update } from 'sparsebook/training/slots.js';
import { assertClose } from '../goldens.ts';

/** The effect of five steps of the quintic on a singular value. */
const iterated = (value: number): number =>
  [1, 2, 3, 4, 5].reduce((x) => 3.4445 * x - 4.775 * x ** 3 + 2.0315 * x ** 5, value);
const matrixOf = (tensor: tf.Tensor): Matrix => new Matrix((tensor as tf.Tensor2D).arraySync());

for (const backend of ['cpu', 'simd'] as const) {
  test(`a matrix keeps its singular vectors and gets singular values near 1, tall, wide or square, on ${backend}`, async () => {
    await useBackend({ backend, threads: 1 });
    for (const shape of [
      [40, 12],
      [12, 40],
      [16, 16],
      [1, 7],
    ] as [number, number][]) {
      const given = tf.randomNormal<tf.Rank.R2>(shape, 0, 3, 'float32', 5);
      const before = tf.memory().numTensors;
      const made = orthogonalised(given);
      assert.equal(tf.memory().numTensors, before + 1);
      const {
        leftSingularVectors: u,
        rightSingularVectors: v,
        diagonal,
      } = new SingularValueDecomposition(matrixOf(given), {
        autoTranspose: true,
      });
      const norm = matrixOf(given).norm();
      // U' X V is diagonal if X has the singular vectors of the given matrix, U S V'.
      const inside = u.transpose().mmul(matrixOf(made)).mmul(v).to2DArray();
      inside.forEach((row, i) =>
        row.forEach((value, k) => {
          if (i === k)
            assertClose([value], [iterated(diagonal[i] / norm)], { absolute: 1e-3 }, `${shape.join('x')}: value ${i}`);
          else assert.ok(Math.abs(value) < 1e-3, `${shape.join('x')}: ${value} beside the diagonal`);
        }),
      );
      tf.dispose([given, made]);
    }
  });

  test(`a step is orthogonal for convolutions and AdamW's for everything else, at each variable's own rate, on ${backend}`, async () => {
    await useBackend({ backend, threads: 1 });
    const shapes = { 'conv/kernel': [3, 3, 4, 8], 'dense/kernel': [6, 5], 'bn/gamma': [8], 'gate/logAlpha': [8] };
    const [muon, adamw] = [new Muon({ lr: 0.01, weight_decay: 0.1 }), new AdamW({ lr: 0.01, weight_decay: 0.1 })];
    const walk = (optimizer: Muon | AdamW): Record<string, tf.Tensor> => {
      const updates = Object.entries(shapes).map(([key, shape], i): Update => {
        const [start, gradient] = [1, 2].map((seed) => tf.randomNormal(shape, 0, 1, 'float32', 10 * i + seed));
        return { key, variable: tf.variable(start), gradient, lr: key.startsWith('gate') ? 0.05 : 0.01 };
      });
      for (let step = 0; step < 3; step++) optimizer.step(updates);
      return Object.fromEntries(updates.map(({ key, variable }) => [key, variable]));
    };
    const [ours, others] = [walk(muon), walk(adamw)];
    for (const key of ['dense/kernel', 'bn/gamma', 'gate/logAlpha']) {
      assert.deepEqual(ours[key].dataSync(), others[key].dataSync(), key);
    }
    const start = tf.randomNormal(shapes['conv/kernel'], 0, 1, 'float32', 1);
    const step = tf.tidy(() =>
      start
        .mul((1 - 0.01 * 0.1) ** 3)
        .sub(ours['conv/kernel'])
        .reshape([36, 8])
        .div(0.01 * 0.2 * Math.sqrt(36) * 3),
    );
    const values = new SingularValueDecomposition(matrixOf(step)).diagonal;
    assert.ok(
      values.every((value) => value > 0.6 && value < 1.25),
      `singular values ${values.join()}`,
    );
  });

  test(`with relative_lr a kernel of norm sqrt(outputs) changes by that share of it, whatever lr and decay, on ${backend}`, async () => {
    await useBackend({ backend, threads: 1 });
    const shape = [3, 3, 4, 8];
    const [start, gradient] = [1, 2].map((seed) => tf.randomNormal(shape, 0, 5, 'float32', seed));
    const stepped = (lr: number, weight_decay: number, from = start): tf.Variable => {
      const variable = tf.variable(from);
      const muon = new Muon({ lr, weight_decay, relative_lr: 0.2 });
      muon.step([{ key: 'conv/kernel', variable, gradient, lr: 0.5 * lr }]);
      return variable;
    };
    const unit = start.mul(tf.scalar(Math.sqrt(8)).div(start.norm()));
    const change = unit
      .sub(stepped(0.01, 0.1))
      .reshape([36, 8])
      .div(0.5 * 0.2);
    const values = new SingularValueDecomposition(matrixOf(change)).diagonal;
    assert.ok(
      values.every((value) => value > 0.6 && value < 1.25),
      `singular values ${values.join()}`,
    );
    assert.deepEqual(stepped(0.3, 0).dataSync(), stepped(0.01, 0.1).dataSync());
    const fromZero = stepped(0.01, 0.1, tf.zeros(shape)).dataSync();
    assert.ok(fromZero.every(Number.isFinite));
  });

  test(`a kernel without a gradient stays unchanged, on ${backend}`, async () => {
    await useBackend({ backend, threads: 1 });
    const variable = tf.variable(tf.randomNormal([1, 1, 6, 4], 0, 1, 'float32', 1));
    const before = variable.dataSync().slice();
    new Muon({ weight_decay: 0 }).step([{ key: 'c/kernel', variable, gradient: tf.zeros([1, 1, 6, 4]), lr: 1 }]);
    assert.deepEqual(variable.dataSync(), before);
  });
}

test('many kernels updated in one pass change as by tensor operations, with the same bits for any number of threads', async () => {
  // Tall, wide, square and odd ones, a single row, and one that is too large for the pass.
  const shapes = [
    [3, 3, 4, 8],
    [1, 1, 5, 13],
    [1, 1, 16, 16],
    [5, 5, 7, 9],
    [1, 1, 1, 3],
    [3, 3, 100, 80],
  ];
  const walk = async (backend: 'cpu' | 'simd', threads: number, nesterov: boolean): Promise<Float32Array[]> => {
    await useBackend({ backend, threads });
    const muon = new Muon({ lr: 0.1, weight_decay: 0.1, nesterov });
    const variables = shapes.map((shape, i) => tf.variable(tf.randomNormal(shape, 0, 1, 'float32', i + 1)));
    for (let step = 0; step < 3; step++) {
      const updates = variables.map((variable, i): Update => {
        const gradient = tf.randomNormal(shapes[i], 0, 1, 'float32', 100 * step + i + 1);
        return { key: `c${i}/kernel`, variable, gradient, lr: 0.1 * (i + 1) };
      });
      muon.step(updates);
      tf.dispose(updates.map(({ gradient }) => gradient));
    }
    return [...variables.map((variable) => variable.dataSync<'float32'>()), ...momentaOf(muon)];
  };
  const momentaOf = (muon: Muon): Float32Array[] => {
    const { kernels } = muon.state() as { kernels: Record<string, { momentum: Float32Array }> };
    return shapes.map((_, i) => kernels[`c${i}/kernel`].momentum);
  };
  for (const nesterov of [true, false]) {
    const composed = await walk('cpu', 1, nesterov);
    const fused = await walk('simd', 1, nesterov);
    fused.forEach((values, i) => assertClose(values, composed[i], { absolute: 2e-4 }, `${i}`));
    for (const threads of [2, 3]) assert.deepEqual(await walk('simd', threads, nesterov), fused, `${threads} threads`);
  }
});

test("Muon's memory can be saved and restored: the next step is the same", async () => {
  await useBackend({ backend: 'cpu' });
  const gradientOf = (step: number): tf.Tensor[] =>
    [[1, 1, 6, 4], [4]].map((shape, i) => tf.randomNormal(shape, 0, 1, 'float32', 10 * step + i));
  const start = [tf.randomNormal([1, 1, 6, 4], 0, 1, 'float32', 90), tf.zeros([4])];
  const walk = (optimizer: Muon, variables: tf.Variable[], step: number): void =>
    optimizer.step(
      gradientOf(step).map((gradient, i) => ({
        key: ['c/kernel', 'c/bias'][i],
        variable: variables[i],
        gradient,
        lr: 0.1,
      })),
    );
  const [first, second] = [new Muon(), new Muon()];
  const variables = start.map((values) => tf.variable(values));
  walk(first, variables, 1);
  const copies = variables.map((variable) => tf.variable(variable.clone()));
  second.restore(first.state());
  walk(first, variables, 2);
  walk(second, copies, 2);
  variables.forEach((variable, i) => assertClose(copies[i].dataSync(), variable.dataSync(), { absolute: 0 }, `${i}`));
});
