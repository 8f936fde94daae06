import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { UserError } from 'sparsebook/errors.js';
import { BiasMap } from 'sparsebook/layers/biasMap.js';
import { bordersOf } from 'sparsebook/layers/padding.js';
import { reload } from '../reload.ts';

await tf.setBackend('cpu');

test('a bias map adds to each position the value for its row and column', async () => {
  const layer = new BiasMap({ rows: [0, 1, 1], columns: [1, 0] });
  const input = tf.input({ shape: [3, 2, 2] });
  const model = tf.model({ inputs: input, outputs: layer.apply(input) as tf.SymbolicTensor });
  // map[r, s, c] = 100 r + 10 s + c
  layer.setWeights([
    tf.tensor3d([
      [
        [0, 1],
        [10, 11],
      ],
      [
        [100, 101],
        [110, 111],
      ],
    ]),
  ]);
  const expected = [10, 11, 0, 1, 110, 111, 100, 101, 110, 111, 100, 101];
  const of = (m: tf.LayersModel): number[] => [...(m.predict(tf.zeros([1, 3, 2, 2])) as tf.Tensor).dataSync()];
  assert.deepEqual(of(model), expected);
  assert.deepEqual(of(await reload(model)), expected);
});

test('a bias map of one position adds to vectors', () => {
  const layer = new BiasMap({ rows: [0], columns: [0] });
  layer.apply(tf.input({ shape: [3] }));
  layer.setWeights([tf.tensor3d([[[1, 2, 3]]])]);
  const y = layer.apply(tf.ones([2, 3])) as tf.Tensor;
  assert.deepEqual(y.arraySync(), [
    [2, 3, 4],
    [2, 3, 4],
  ]);
});

test('a bias map only fits images of its size', () => {
  const refused = (act: () => unknown, message: RegExp): void =>
    assert.throws(act, (e) => e instanceof UserError && message.test(e.message));
  refused(() => new BiasMap({ rows: [], columns: [0] }), /rows must be whole numbers of at least 0; received \[\]/);
  refused(
    () => new BiasMap({ rows: [0], columns: [0.5] }),
    /columns must be whole numbers of at least 0; received \[0.5\]/,
  );
  refused(
    () => new BiasMap({ rows: 3 as never, columns: [0] }),
    /rows must be whole numbers of at least 0; received 3/,
  );
  refused(
    () => new BiasMap({ name: 'map', rows: [0, 0], columns: [0] }).apply(tf.input({ shape: [2, 2, 1] })),
    /map must be given images of 2 x 1, .*; received 2 x 2/,
  );
});

test("the borders of 'same' are those that TensorFlow adds, with the smaller one first", () => {
  assert.deepEqual(bordersOf(8, 3, 1, 'same', 0), [1, 1]);
  assert.deepEqual(bordersOf(8, 3, 2, 'same', 0), [0, 1]);
  assert.deepEqual(bordersOf(8, 2, 1, 'same', 0), [0, 1]);
  assert.deepEqual(bordersOf(8, 1, 2, 'same', 0), [0, 0]);
  assert.deepEqual(bordersOf(8, 3, 2, 1, 0), [1, 1]);
  assert.deepEqual(bordersOf(8, 3, 2, 'valid', 1), [0, 0]);
  assert.deepEqual(
    bordersOf(
      8,
      3,
      2,
      [
        [1, 2],
        [3, 4],
      ],
      1,
    ),
    [3, 4],
  );
});
