import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Random, uniform } from 'sparsebook/backend/random.js';
import {
  channelStatistics,
  cifar10Statistics,
  normalise,
  scaleValues,
  standardise,
} from 'sparsebook/data/normalise.js';
import { alternatingFlip, randomBrightness, randomFlip, randomPaddedCrop } from 'sparsebook/data/augment.js';
import { randomResizedCrop } from 'sparsebook/data/resizedCrop.js';
import { syntheticImages } from 'sparsebook/data/synthetic.js';
import { type ImageShape, shapeOf } from 'sparsebook/data/imageSet.js';
import { changeContrast, flip, paddedCrop } from 'sparsebook/data/augment.js';
import { valuesOf } from 'sparsebook/data/imageSet.js';
import { randomBox, resizedCrop } from 'sparsebook/data/resizedCrop.js';

/** Integers in 0..255. */
const noise = (shape: ImageShape, seed = 1): Float32Array =>
  Float32Array.from({ length: valuesOf(shape) }, (_, i) => Math.floor(256 * uniform(seed, i)));

const turn = { seed: 1, epoch: 0, image: 0 };

const shapes: ImageShape[] = [
  [32, 32, 3],
  [28, 28, 1],
  [48, 64, 3],
  [5, 9, 4],
];
for (const shape of shapes) {
  const [height, width, channels] = shape;
  const at = (image: Float32Array, y: number, x: number, k: number): number => image[(y * width + x) * channels + k];
  const everywhere = (check: (y: number, x: number, k: number) => void): void => {
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (let k = 0; k < channels; k++) check(y, x, k);
  };

  test(`${shape.join('x')}: a flip moves every pixel to its mirrored position, and a second flip moves it back`, () => {
    const [image, before] = [noise(shape), noise(shape)];
    flip(image, shape);
    everywhere((y, x, k) => assert.equal(at(image, y, x, k), at(before, y, width - 1 - x, k)));
    flip(image, shape);
    assert.deepEqual(image, before);
  });

  test(`${shape.join('x')}: a padded crop equals a window cut out of the padded image`, () => {
    const offset = fc.integer({ min: 0, max: 8 });
    fc.assert(
      fc.property(offset, offset, (top, left) => {
        const [image, before] = [noise(shape), noise(shape)];
        paddedCrop(image, shape, { padding: 4, top, left });
        everywhere((y, x, k) => {
          const [row, column] = [y + top - 4, x + left - 4];
          const inside = row >= 0 && row < height && column >= 0 && column < width;
          if (at(image, y, x, k) !== (inside ? at(before, row, column, k) : 0)) assert.fail(`${[y, x, k].join()}`);
        });
      }),
      { numRuns: 10 },
    );
  });

  test(`${shape.join('x')}: a resized crop stays within the values of its box, and a crop of the whole image changes nothing`, () => {
    const [rows, columns] = [height, width].map((side) => fc.integer({ min: 1, max: side }));
    fc.assert(
      fc.property(rows, columns, fc.nat(), fc.nat(), (h, w, down, right) => {
        const box = { height: h, width: w, top: down % (height + 1 - h), left: right % (width + 1 - w) };
        const image = noise(shape, 5);
        let [low, high] = [255, 0];
        for (let y = box.top; y < box.top + h; y++) {
          for (const value of image.subarray(
            (y * width + box.left) * channels,
            (y * width + box.left + w) * channels,
          )) {
            low = Math.min(low, value);
            high = Math.max(high, value);
          }
        }
        resizedCrop(image, width, box, image, shape);
        assert.ok(image.every((value) => Number.isInteger(value) && value >= low && value <= high));
      }),
      { numRuns: 50 },
    );
    const image = noise(shape);
    resizedCrop(image, width, { top: 0, left: 0, height, width }, image, shape);
    assert.deepEqual(image, noise(shape));
  });

  test(`${shape.join('x')}: contrast keeps the mean of each channel and scales the distance from it`, () => {
    const [image, before] = [noise(shape), noise(shape)];
    changeContrast(image, shape, 0.25);
    for (let k = 0; k < channels; k++) {
      const mean = before.filter((_, i) => i % channels === k).reduce((sum, v) => sum + v, 0) / (height * width);
      for (let i = k; i < image.length; i += channels)
        assert.ok(Math.abs(image[i] - (mean + 0.25 * (before[i] - mean))) < 1e-4);
    }
  });

  test(`${shape.join('x')}: measured statistics make the mean of each channel 0 and its deviation 1`, () => {
    const set = syntheticImages(20, 3, { shape: [Math.max(8, height), Math.max(8, width), channels] });
    const statistics = channelStatistics(set);
    assert.equal(statistics.mean.length, channels);
    const all = Float32Array.from(set.images);
    normalise(statistics)(all, shapeOf(set));
    for (let k = 0; k < channels; k++) {
      const values = all.filter((_, i) => i % channels === k);
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
      assert.ok(Math.abs(mean) < 1e-4 && Math.abs(variance - 1) < 1e-4, `${mean}, ${variance}`);
    }
  });
}

test('a channel of one value becomes 0 by its own statistics', () => {
  const set = { ...syntheticImages(2, 1, { shape: [8, 8, 1] }), images: new Uint8Array(128).fill(77) };
  const image = new Float32Array(64).fill(77);
  normalise(channelStatistics(set))(image, shapeOf(set));
  assert.ok(image.every((value) => Math.abs(value) < 1e-6));
});

test('all values are scaled and shifted alike', () => {
  const image = Float32Array.of(0, 127.5, 255);
  scaleValues({ scale: 1 / 127.5, shift: -1 })(image, [1, 3, 1]);
  assert.deepEqual([...image], [-1, 0, 1]);
});

test('statistics for another number of channels, or invalid ones, are refused', () => {
  assert.throws(() => normalise(cifar10Statistics)(new Float32Array(784), [28, 28, 1]), {
    name: 'UserError',
    message: /for each channel of the images, 28x28x1; received 3 of each/,
  });
  for (const std of [[0], [-1], [NaN], [1, 1]]) {
    assert.throws(() => normalise({ mean: [0.5], std }), { name: 'UserError', message: /deviation above 0/ });
  }
});

test('an image of one value is standardised to 0', () => {
  const image = new Float32Array(20).fill(9);
  standardise(image, [5, 4, 1]);
  assert.ok(image.every((value) => value === 0));
});

test('about half of the images are flipped', () => {
  const random = new Random(3);
  let flipped = 0;
  for (let i = 0; i < 2000; i++) {
    const image = Float32Array.from({ length: 12 }, (_, k) => k);
    randomFlip(image, random, [2, 2, 3], turn);
    if (image[0] !== 0) flipped++;
  }
  assert.ok(Math.abs(flipped - 1000) < 100, `${flipped} of 2000`);
});

test('brightness shifts all values by the same amount of at most 63', () => {
  const random = new Random(7);
  const steps = Array.from({ length: 300 }, () => {
    const image = new Float32Array(12).fill(100);
    randomBrightness()(image, random, [2, 2, 3], turn);
    assert.ok(image.every((value) => value === image[0]));
    return image[0] - 100;
  });
  assert.ok(
    Math.min(...steps) >= -63 && Math.min(...steps) < -55 && Math.max(...steps) <= 63 && Math.max(...steps) > 55,
  );
});

test('images smaller than the padding of a crop, and images of one pixel, go through every augmentation', () => {
  for (const shape of [
    [1, 1, 1],
    [2, 7, 2],
  ] as ImageShape[]) {
    const random = new Random(1);
    for (let i = 0; i < 50; i++) {
      const image = noise(shape);
      for (const change of [randomPaddedCrop(6), randomFlip, randomResizedCrop()]) change(image, random, shape, turn);
      assert.ok(image.every((value) => value >= 0 && value <= 255));
    }
  }
});

test('if no random box fits, the largest central box with an allowed ratio is taken', () => {
  const never = { next: () => 0.999, integer: (n: number) => n - 1 };
  const scale: [number, number] = [4, 5];
  assert.deepEqual(randomBox(never, [10, 40, 3], { scale, ratio: [0.5, 2] }), {
    top: 0,
    left: 10,
    height: 10,
    width: 20,
  });
  assert.deepEqual(randomBox(never, [40, 10, 3], { scale, ratio: [0.5, 2] }), {
    top: 10,
    left: 0,
    height: 20,
    width: 10,
  });
  assert.deepEqual(randomBox(never, [12, 10, 3], { scale, ratio: [0.5, 2] }), {
    top: 0,
    left: 0,
    height: 12,
    width: 10,
  });
});

test('a translation moves an image by up to two pixels and reflects it at its borders', () => {
  const shape: ImageShape = [5, 6, 1];
  const before = noise(shape);
  const inside = (at: number, size: number): number => (at < 0 ? -at : at >= size ? 2 * size - 2 - at : at);
  for (let top = 0; top <= 4; top++) {
    for (let left = 0; left <= 4; left++) {
      const image = before.slice();
      paddedCrop(image, shape, { padding: 2, top, left, border: 'reflect' });
      image.forEach((value, at) => {
        const [y, x] = [inside(Math.floor(at / 6) + top - 2, 5), inside((at % 6) + left - 2, 6)];
        assert.equal(value, before[y * 6 + x], `${top}, ${left}: ${at}`);
      });
    }
  }
});

test('an alternating flip mirrors each image in every other epoch, half of them first', () => {
  const shape: ImageShape = [4, 4, 1];
  const mirrored = (image: number, epoch: number, seed = 7): boolean => {
    const [given, changed] = [noise(shape, 3), noise(shape, 3)];
    alternatingFlip(changed, new Random(1), shape, { seed, epoch, image });
    return given.some((value, i) => value !== changed[i]);
  };
  const images = Array.from({ length: 200 }, (_, image) => image);
  for (const image of images) {
    assert.notEqual(mirrored(image, 0), mirrored(image, 1));
    assert.equal(mirrored(image, 0), mirrored(image, 2));
  }
  const first = images.filter((image) => mirrored(image, 0)).length;
  assert.ok(first > 70 && first < 130, `${first} of 200 are mirrored at first`);
  assert.ok(
    images.some((image) => mirrored(image, 0, 7) !== mirrored(image, 0, 8)),
    'another seed, other images',
  );
});
