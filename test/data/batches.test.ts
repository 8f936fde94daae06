import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchCount, batches } from 'sparsebook/data/batches.js';
import { cifar10Statistics, normalise, standardise } from 'sparsebook/data/normalise.js';
import { randomBrightness, randomContrast, randomFlip, randomPaddedCrop } from 'sparsebook/data/augment.js';
import { randomResizedCrop, resizedCrop } from 'sparsebook/data/resizedCrop.js';
import { syntheticImages } from 'sparsebook/data/synthetic.js';
import type { Batch, BatchOptions } from 'sparsebook/data/batches.js';

const set = syntheticImages(103, 1);
const imageBytes = 32 * 32 * 3;
const plain = normalise(cifar10Statistics);
const untouched = (): void => undefined;
const training: BatchOptions = {
  batchSize: 10,
  seed: 4,
  epoch: 2,
  augment: [randomFlip, randomResizedCrop()],
  normalise: plain,
};

/** Every image of the batches, keyed by its pixels. */
function imagesOf(list: Batch[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { images, labels } of list) {
    labels.forEach((label, i) => found.set(images.slice(i * imageBytes, (i + 1) * imageBytes).join(), label));
  }
  return found;
}

test('an epoch has every image once, with its label, and the last batch is smaller', () => {
  const list = [...batches(set, { ...training, augment: [], normalise: untouched })];
  assert.deepEqual(
    list.map((batch) => batch.size),
    [...new Array<number>(10).fill(10), 3],
  );
  assert.deepEqual(
    list.map((batch) => batch.index),
    Array.from({ length: 11 }, (_, i) => i),
  );
  assert.equal(list[10].images.length, 3 * imageBytes);
  const found = imagesOf(list);
  assert.equal(found.size, 103);
  for (let i = 0; i < 103; i++) {
    assert.equal(found.get(set.images.slice(i * imageBytes, (i + 1) * imageBytes).join()), set.labels[i]);
  }
});

test('the same seed and epoch give the same bits; another seed or epoch gives other bits', () => {
  const list = [...batches(set, training)];
  assert.deepEqual([...batches(set, training)], list);
  for (const change of [{ seed: 5 }, { epoch: 3 }]) {
    const [other] = batches(set, { ...training, ...change });
    assert.notDeepEqual(other.labels, list[0].labels);
  }
});

test('an epoch can continue from any batch', () => {
  const list = [...batches(set, training)];
  for (let startAt = 0; startAt <= 11; startAt++) {
    assert.deepEqual([...batches(set, { ...training, startAt })], list.slice(startAt));
  }
});

test('an image is augmented the same way whatever the batch size', () => {
  assert.deepEqual(imagesOf([...batches(set, training)]), imagesOf([...batches(set, { ...training, batchSize: 7 })]));
});

test('without a seed images come as stored', () => {
  const [first, second] = batches(set, { batchSize: 60, normalise: untouched });
  assert.deepEqual([...first.images, ...second.images], [...set.images]);
  assert.deepEqual([...first.labels, ...second.labels], [...set.labels]);
});

test('a last batch that is not full can be dropped', () => {
  assert.equal([...batches(set, { ...training, dropLast: true })].length, 10);
  assert.equal(batchCount(103, { batchSize: 10, dropLast: true }), 10);
  assert.equal(batchCount(103, { batchSize: 10 }), 11);
  assert.equal([...batches(set, { ...training, batchSize: 200, dropLast: true })].length, 0);
});

test('all augmentations together give finite values and leave the stored images unchanged', () => {
  const before = set.images.slice();
  const augment = [randomPaddedCrop(), randomFlip, randomBrightness(), randomContrast()];
  for (const { images } of batches(set, { ...training, augment, normalise: standardise })) {
    assert.ok(images.every(Number.isFinite));
  }
  assert.deepEqual(set.images, before);
});

test('options that contradict each other are refused', () => {
  const refuse = (options: Partial<BatchOptions>, message: RegExp): void =>
    assert.throws(() => [...batches(set, { ...training, ...options })], { name: 'UserError', message });
  refuse({ batchSize: 0 }, /batchSize must be a whole number of at least 1; received 0/);
  refuse({ batchSize: 2.5 }, /received 2\.5/);
  refuse({ startAt: 12 }, /startAt must be a batch of this epoch, 0 to 11; received 12/);
  refuse({ epoch: undefined }, /seed and epoch must be given together/);
  refuse({ seed: undefined, epoch: undefined }, /augment draws random numbers and must be given with a seed/);
});

test('scaled images are those of the epoch made smaller or larger, after augmentation and before normalisation', () => {
  const options = { ...training, batchSize: 20 };
  for (const scale of [0.5, 0.75, 1.5]) {
    const side = 32 * scale;
    const [whole] = batches(set, { ...options, normalise: untouched });
    const [other] = batches(set, { ...options, scale });
    assert.deepEqual([...other.shape], [side, side, 3]);
    assert.deepEqual(other.labels, whole.labels);
    const values = side * side * 3;
    for (let i = 0; i < 20; i++) {
      const expected = new Float32Array(values);
      const image = whole.images.slice(i * imageBytes, (i + 1) * imageBytes);
      resizedCrop(image, 32, { top: 0, left: 0, height: 32, width: 32 }, expected, [side, side, 3]);
      plain(expected, [side, side, 3]);
      assert.deepEqual(other.images.slice(i * values, (i + 1) * values), expected);
    }
  }
});
