// Outputs of networks, to compare before and after saving.
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';
import { maxAbs } from '../../goldens.ts';
import type { Output } from './onnxRuntime.ts';

/** A batch of two for each input of a network, from a seed. The caller disposes it. */
export function someInputs(model: tf.LayersModel, seed = 1): tf.Tensor[] {
  return model.inputs.map(({ shape }, i) =>
    tf.randomNormal([2, ...(shape.slice(1) as number[])], 0, 1, 'float32', seed + i),
  );
}

/** All outputs of a network for the given inputs, in order. */
export function outputsOf(model: tf.LayersModel, inputs: tf.Tensor[]): Output[] {
  return tf.tidy(() =>
    [model.predict(inputs)].flat().map((y) => ({ shape: y.shape, values: y.dataSync<'float32'>().slice() })),
  );
}

/** Asserts that outputs are the same to 1e-5 of the largest value of each. */
export function assertSame(got: Output[], wanted: Output[], what: string): void {
  assert.deepEqual(
    got.map(({ shape }) => shape),
    wanted.map(({ shape }) => shape),
    what,
  );
  for (const [i, { values }] of wanted.entries()) {
    const [difference, largest] = [maxAbs(values.map((value, k) => value - got[i].values[k])), maxAbs(values)];
    assert.ok(difference <= 1e-5 * largest, `${what}: output ${i} differs by ${difference} of ${largest}`);
  }
}
