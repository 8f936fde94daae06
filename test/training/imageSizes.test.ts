// Training on images of several sizes, and evaluation with several views of an image.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { flip } from 'sparsebook/data/augment.js';
import {
  answers,
  answersByView,
  type Answers,
  type TestTimeAugmentation as Tta,
} from 'sparsebook/training/evaluate.js';
import { train, type TrainingOptions } from 'sparsebook/training/train.js';
import { colours, smallNet } from './small.ts';

await tf.setBackend('cpu');
const start = (options: Pick<TrainingOptions, 'model' | 'scales'>): Promise<unknown> =>
  train({ data: { train: colours(16, 1) }, epochs: 2, ...options }).next();

test('progressive resizing trains on smaller images at first, in equal parts of the epochs, and ends at full size', async () => {
  const model = smallNet({ gates: false });
  const sides: number[] = [];
  const seen = (_: Float32Array, shape: readonly number[]): void => void sides.push(shape[0]);
  for await (const event of train({
    model,
    data: { train: colours(16, 1) },
    epochs: 6,
    batchSize: 8,
    normalise: seen,
    scales: [0.5, 0.75],
  })) {
    if (event.type === 'epoch') sides.push(0);
  }
  const epochsOf = sides
    .join(' ')
    .split(' 0')
    .map((epoch) => new Set(epoch.trim().split(' ')));
  assert.deepEqual(
    epochsOf.slice(0, 6).map((epoch) => [...epoch].join()),
    ['16', '16', '24', '24', '32', '32'],
  );
});

test('progressive resizing is refused for invalid factors and networks of a fixed size', async () => {
  await assert.rejects(start({ model: smallNet(), scales: [0] }), {
    name: 'UserError',
    message: /scales must be numbers above 0; received 0/,
  });
  const fixed = tf.sequential({
    name: 'fixed',
    layers: [tf.layers.flatten({ inputShape: [32, 32, 3] }), tf.layers.dense({ units: 3 })],
  });
  await assert.rejects(start({ model: fixed, scales: [0.5] }), {
    name: 'UserError',
    message: /must take any; fixed does not take 16x16x3 beside 32x32x3: .* Leave the other sizes out/,
  });
});

test('test-time augmentation averages the logits of mirrored and shifted images', async () => {
  const model = smallNet();
  const set = colours(12, 5);
  const [plain, mirrored] = [await answers(model, set), await answers(model, set, { tta: 'mirror' })];
  const flipped = { ...set, images: Uint8Array.from(set.images) };
  for (let i = 0; i < 12; i++) {
    const image = Float32Array.from(flipped.images.subarray(i * 3072, (i + 1) * 3072));
    flip(image, [32, 32, 3]);
    flipped.images.set(image, i * 3072);
  }
  // It makes no difference which of the two is the mirror image.
  assert.ok(Math.abs((await answers(model, flipped, { tta: 'mirror' })).loss - mirrored.loss) < 1e-5);
  assert.ok(Math.abs((await answers(model, flipped)).loss - plain.loss) > 1e-4);
  const shifted = await answers(model, set, { tta: 'mirror-shift' });
  for (const [tta, averaged] of Object.entries({ mirror: mirrored, 'mirror-shift': shifted }) as [Tta, Answers][])
    assert.deepEqual(await answersByView(model, set, { tta }), { plain, averaged });
  assert.ok(Math.abs(shifted.loss - mirrored.loss) > 1e-5);
  // An image of one colour is the same in every view.
  const even = { ...set, images: Uint8Array.from(set.images, (_, i) => 40 + 60 * (i % 3)) };
  const losses = await Promise.all(
    (['none', 'mirror', 'mirror-shift'] as const).map(async (tta) => (await answers(model, even, { tta })).loss),
  );
  for (const loss of losses) assert.ok(Math.abs(loss - losses[0]) < 1e-5, losses.join());
  await assert.rejects(answers(model, set, { tta: 'flip' as 'mirror' }), {
    name: 'UserError',
    message: /tta must be one of none, mirror, mirror-shift; received 'flip'/,
  });
});
