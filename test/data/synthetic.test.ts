import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { syntheticImages } from 'sparsebook/data/synthetic.js';
import type { ImageSet } from 'sparsebook/data/imageSet.js';
import { softmaxRegression, standardised } from './softmaxRegression.ts';

const imageBytes = 32 * 32 * 3;
const rowsOf = (set: ImageSet, features: (image: Uint8Array) => Float32Array): Float32Array[] =>
  Array.from(set.labels, (_, i) => features(set.images.subarray(i * imageBytes, (i + 1) * imageBytes)));

const [train, held] = [syntheticImages(2000, 11), syntheticImages(500, 12)];

/** Mean, standard deviation and an 8-bin histogram of each colour. */
function colourStatistics(image: Uint8Array): Float32Array {
  const features = new Float32Array(30);
  for (let k = 0; k < 3; k++) {
    let sum = 0;
    let square = 0;
    for (let i = k; i < imageBytes; i += 3) {
      sum += image[i];
      square += image[i] ** 2;
      features[6 + 8 * k + (image[i] >> 5)]++;
    }
    features[2 * k] = sum / 1024;
    features[2 * k + 1] = Math.sqrt(square / 1024 - (sum / 1024) ** 2);
  }
  return features;
}

test('there are ten balanced classes with everyday names', () => {
  const set = syntheticImages(200, 1);
  assert.equal(set.images.length, 200 * imageBytes);
  assert.equal(new Set(set.classNames).size, 10);
  assert.ok(set.classNames.every((name) => /^[a-z]+$/.test(name)));
  for (let k = 0; k < 10; k++) assert.equal(set.labels.filter((label) => label === k).length, 20);
});

test('an image depends only on the seed and its index', () => {
  const long = syntheticImages(50, 7);
  const short = syntheticImages(20, 7);
  assert.deepEqual(short.images, long.images.slice(0, 20 * imageBytes));
  assert.deepEqual(syntheticImages(50, 7), long);
  assert.notDeepEqual(syntheticImages(20, 8).images, short.images);
});

test('a linear model stays below 40 % on the pixels', () => {
  const [rows, testRows] = standardised(
    rowsOf(train, (image) => Float32Array.from(image)),
    rowsOf(held, (image) => Float32Array.from(image)),
  );
  const result = softmaxRegression(
    { rows, labels: train.labels },
    { rows: testRows, labels: held.labels },
    { classes: 10, epochs: 8, rate: 1e-3 },
  );
  const last = result.training[result.training.length - 1];
  assert.ok(last > 0.5, `the linear model did not learn its own training images: ${last}`);
  assert.ok(result.bestTest < 0.4, `a linear model reaches ${result.bestTest}`);
});

test('a linear model stays below 40 % on colour statistics', () => {
  const [rows, testRows] = standardised(rowsOf(train, colourStatistics), rowsOf(held, colourStatistics));
  const result = softmaxRegression(
    { rows, labels: train.labels },
    { rows: testRows, labels: held.labels },
    { classes: 10, epochs: 20, rate: 1e-2 },
  );
  assert.ok(result.bestTest < 0.4, `colours alone give ${result.bestTest}`);
});

test('the images of 32x32x3 in ten classes never change', () => {
  const { images, labels } = syntheticImages(50, 1);
  assert.equal(createHash('sha256').update(images).update(labels).digest('hex').slice(0, 16), 'e22238d91d142236');
});

test('images of any shape are drawn completely, each class differently', () => {
  for (const [shape, classes] of [
    [[28, 28, 1], 3],
    [[64, 48, 3], 100],
    [[9, 40, 5], 10],
    [[16, 40, 2], 2000],
  ] as const) {
    const set = syntheticImages(2 * classes, 4, { shape, classes });
    const values = shape[0] * shape[1] * shape[2];
    assert.equal(set.images.length, 2 * classes * values);
    assert.equal(new Set(set.classNames).size, classes);
    assert.deepEqual([...set.labels.slice(classes)], [...set.labels.slice(0, classes)]);
    assert.equal(set.labels.at(-1), classes - 1);
    // Every channel of the last image varies: nothing was left undrawn.
    const last = set.images.subarray(-values);
    for (let k = 0; k < shape[2]; k++) assert.ok(new Set(last.filter((_, i) => i % shape[2] === k)).size > 8);
  }
});
