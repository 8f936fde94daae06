import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shapeOf, type ImageSet, type ImageShape } from 'sparsebook/data/imageSet.js';
import { scaleImages } from 'sparsebook/data/resizedCrop.js';
import { Random } from 'sparsebook/backend/random.js';

function randomSet(count: number, shape: ImageShape): ImageSet {
  const random = new Random(5);
  const images = Uint8Array.from({ length: count * shape[0] * shape[1] * shape[2] }, () => random.integer(256));
  return {
    name: 'noise',
    shape,
    images,
    labels: Uint8Array.from({ length: count }, (_, i) => i % 2),
    classNames: ['a', 'b'],
  };
}

/** Means of neighbours along one axis of a grid, weighted by a triangle as wide as two new pixels. */
function shrunk(line: number[], outputs: number): number[] {
  const scale = line.length / outputs;
  return Array.from({ length: outputs }, (_, out) => {
    const weights = line.map((_, i) => Math.max(0, 1 - Math.abs((i + 0.5) / scale - (out + 0.5))));
    const total = weights.reduce((sum, weight) => sum + weight);
    return line.reduce((sum, value, i) => sum + value * weights[i], 0) / total;
  });
}
const transposed = (grid: number[][]): number[][] => grid[0].map((_, i) => grid.map((line) => line[i]));

test('a new pixel is the mean of the old ones around it, weighted by a triangle, in every image and channel', () => {
  const [set, side] = [randomSet(3, [32, 32, 3]), 32];
  for (const size of [16, 20, 24, 31]) {
    const { images, shape, labels } = scaleImages(set, { height: size, width: size });
    assert.deepEqual(shape, [size, size, 3]);
    assert.deepEqual(labels, set.labels);
    for (let image = 0; image < 3; image++) {
      for (let k = 0; k < 3; k++) {
        const plane = Array.from({ length: side }, (_, y) =>
          Array.from({ length: side }, (_, x) => set.images[((image * side + y) * side + x) * 3 + k]),
        );
        const across = plane.map((line) => shrunk(line, size));
        const expected = transposed(transposed(across).map((line) => shrunk(line, size)));
        const off = expected.flatMap((line, y) =>
          line.map((value, x) => Math.abs(images[((image * size + y) * size + x) * 3 + k] - value)),
        );
        // Rounded to integers twice, across and down.
        assert.ok(Math.max(...off) < 1.001, `size ${size}, image ${image}, channel ${k}: off by ${Math.max(...off)}`);
      }
    }
  }
});

test('images are cropped in the middle to the requested proportions, not stretched', () => {
  const set = randomSet(1, [8, 8, 1]);
  const { images } = scaleImages(set, { height: 4, width: 8 });
  assert.deepEqual([...images], [...set.images.subarray(16, 48)]);
  const tall = scaleImages(set, { height: 8, width: 2 });
  assert.deepEqual(
    [...tall.images],
    [0, 1, 2, 3, 4, 5, 6, 7].flatMap((y) => [...set.images.subarray(8 * y + 3, 8 * y + 5)]),
  );
});

test('a set that already has the size is returned as it is, and another number of channels is refused', () => {
  const set = randomSet(2, [8, 8, 3]);
  assert.equal(scaleImages(set, { height: 8, width: 8, channels: 3 }), set);
  assert.equal(shapeOf(set).join(), '8,8,3');
  assert.throws(() => scaleImages(set, { height: 8, width: 8, channels: 1 }), {
    name: 'UserError',
    message: /The size of noise must have its 3 channels, or leave them out; received 8x8x1/,
  });
});
