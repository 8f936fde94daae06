import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Matrix } from 'ml-matrix';
import { syntheticImages } from 'sparsebook/data/synthetic.js';
import { channelStatistics, normalise } from 'sparsebook/data/normalise.js';
import { whiteningKernel } from 'sparsebook/data/whitening.js';

for (const shape of [
  [32, 32, 3],
  [20, 28, 1],
]) {
  const set = syntheticImages(200, 3, { shape });
  const plain = normalise(channelStatistics(set));
  const [height, width, channels] = shape;
  const size = 4 * channels;

  test(`${shape.join('x')}: patches filtered by the kernel are uncorrelated and have variance 1`, () => {
    const kernel = new Matrix(
      Array.from({ length: size }, (_, i) => [
        ...whiteningKernel(set, plain).subarray(i * 2 * size, i * 2 * size + size),
      ]),
    );
    const covariance = Matrix.zeros(size, size);
    let patches = 0;
    for (let i = 0; i < set.labels.length; i++) {
      const image = Float32Array.from(
        set.images.subarray(i * height * width * channels, (i + 1) * height * width * channels),
      );
      plain(image, [height, width, channels]);
      for (let y = 0; y + 1 < height; y += 3) {
        for (let x = 0; x + 1 < width; x += 3) {
          const at = (row: number): number[] => [
            ...image.subarray((row * width + x) * channels, (row * width + x + 2) * channels),
          ];
          const out = new Matrix([[...at(y), ...at(y + 1)]]).mmul(kernel);
          covariance.add(out.transpose().mmul(out));
          patches++;
        }
      }
    }
    covariance.div(patches);
    for (let i = 0; i < size; i++) {
      for (let k = 0; k < size; k++) {
        const value = covariance.get(i, k);
        if (i !== k) assert.ok(Math.abs(value) < 0.15, `covariance of ${i} and ${k} is ${value}`);
        else assert.ok(value > 0.7 && value < 1.2, `variance of ${i} is ${value}`);
      }
    }
  });

  test(`${shape.join('x')}: the second half of the filters is the first negated, and the same images give the same bits`, () => {
    const kernel = whiteningKernel(set, plain);
    assert.deepEqual(kernel, whiteningKernel(set, plain));
    kernel.forEach((value, at) => {
      if (at % (2 * size) < size) assert.equal(kernel[at + size], -value);
    });
  });
}
