import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Random, uniform } from 'sparsebook/backend/random.js';
import { randomBrightness, randomFlip } from 'sparsebook/data';
import { changeContrast, flip, paddedCrop } from 'sparsebook/data/augment.js';
import { resizedCrop } from 'sparsebook/data/resizedCrop.js';

const noise = (seed: number): Float32Array =>
  Float32Array.from({ length: 3072 }, (_, i) => Math.floor(256 * uniform(seed, i)));

test('flipping twice changes nothing, flipping once moves every pixel to its mirror place', () => {
  const image = noise(1);
  flip(image);
  assert.deepEqual([...image.slice(0, 3)], [...noise(1).slice(93, 96)]);
  flip(image);
  assert.deepEqual(image, noise(1));
});

test('about half of the pictures are flipped', () => {
  const random = new Random(3);
  let flipped = 0;
  for (let i = 0; i < 2000; i++) {
    const image = Float32Array.from({ length: 3072 }, (_, k) => k);
    randomFlip(image, random);
    if (image[0] !== 0) flipped++;
  }
  assert.ok(Math.abs(flipped - 1000) < 100, `${flipped} of 2000`);
});

test('a padded crop agrees with cutting a window out of the padded picture', () => {
  const offset = fc.integer({ min: 0, max: 8 });
  fc.assert(
    fc.property(offset, offset, (top, left) => {
      const image = noise(2);
      paddedCrop(image, 4, top, left);
      const original = noise(2);
      for (let y = 0; y < 32; y++) {
        for (let x = 0; x < 32; x++) {
          const [row, column] = [y + top - 4, x + left - 4];
          const inside = row >= 0 && row < 32 && column >= 0 && column < 32;
          for (let k = 0; k < 3; k++) {
            assert.equal(image[(y * 32 + x) * 3 + k], inside ? original[(row * 32 + column) * 3 + k] : 0);
          }
        }
      }
    }),
    { numRuns: 20 },
  );
});

test('a resized crop of any box stays within the values of that box', () => {
  const side = fc.integer({ min: 1, max: 32 });
  fc.assert(
    fc.property(side, side, fc.nat(), fc.nat(), (height, width, down, right) => {
      const box = { height, width, top: down % (33 - height), left: right % (33 - width) };
      const image = noise(5);
      let [low, high] = [255, 0];
      for (let y = box.top; y < box.top + height; y++) {
        for (const value of image.subarray((y * 32 + box.left) * 3, (y * 32 + box.left + width) * 3)) {
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
      resizedCrop(image, 32, box, image);
      assert.ok(image.every((value) => Number.isInteger(value) && value >= low && value <= high));
    }),
    { numRuns: 100 },
  );
});

test('brightness moves all values by one step of at most 63', () => {
  const random = new Random(7);
  const steps = Array.from({ length: 300 }, () => {
    const image = new Float32Array(3072).fill(100);
    randomBrightness()(image, random);
    assert.ok(image.every((value) => value === image[0]));
    return image[0] - 100;
  });
  assert.ok(
    Math.min(...steps) >= -63 && Math.min(...steps) < -55 && Math.max(...steps) <= 63 && Math.max(...steps) > 55,
  );
});

test('contrast keeps the mean of each colour and scales the distance from it', () => {
  const image = noise(9);
  changeContrast(image, 0.25);
  const before = noise(9);
  for (let k = 0; k < 3; k++) {
    const mean = before.filter((_, i) => i % 3 === k).reduce((sum, v) => sum + v, 0) / 1024;
    for (let i = k; i < 3072; i += 3) assert.ok(Math.abs(image[i] - (mean + 0.25 * (before[i] - mean))) < 1e-4);
  }
});
