import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { Random } from '../backend/random.js';
import { shapeOf, valuesOf, type ImageSet } from './imageSet.js';
import type { Normalise } from './normalise.js';

/** How many images, and how many patches of each, the directions are computed from. */
const [images, patchesOfEach] = [2000, 20];
/** The side of a patch. */
const side = 2;
/** Added to each direction's variance, so that those that hardly vary are not amplified to the level of the rest. */
const epsilon = 5e-4;

/**
 * Returns the kernel of a convolution that whitens patches: [2, 2, C, 8 C], flat. With the patches' covariance V D V',
 * column i of the first half is the i-th direction v_i / sqrt(d_i + 5e-4), largest variance first. The second half is
 * the first negated, which lets both signs through a ReLU (Jordan 2024, section 3.1). The same images give the same
 * bits.
 */
export function whiteningKernel(set: ImageSet, normalise: Normalise): Float32Array {
  const shape = shapeOf(set);
  const [height, width, channels] = shape;
  const size = side * side * channels;
  const values = valuesOf(shape);
  const sum = Matrix.zeros(size, size);
  const random = new Random(0);
  const count = Math.min(images, set.labels.length);
  const image = new Float32Array(values);
  for (let i = 0; i < count; i++) {
    image.set(set.images.subarray(i * values, (i + 1) * values));
    normalise(image, shape);
    for (let n = 0; n < patchesOfEach; n++) {
      const [top, left] = [random.integer(height - side + 1), random.integer(width - side + 1)];
      const rows = Array.from({ length: side }, (_, y) => {
        const from = ((top + y) * width + left) * channels;
        return [...image.subarray(from, from + side * channels)];
      });
      const patch = Matrix.columnVector(rows.flat());
      sum.add(patch.mmul(patch.transpose()));
    }
  }
  const { realEigenvalues: variances, eigenvectorMatrix: directions } = new EigenvalueDecomposition(
    sum.div(count * patchesOfEach),
    { assumeSymmetric: true },
  );
  const order = variances.map((_, i) => i).sort((a, b) => variances[b] - variances[a]);
  return Float32Array.from({ length: size * 2 * size }, (_, at) => {
    const [entry, filter] = [Math.floor(at / (2 * size)), at % (2 * size)];
    const direction = order[filter % size];
    const value = directions.get(entry, direction) / Math.sqrt(Math.max(0, variances[direction]) + epsilon);
    return filter < size ? value : -value;
  });
}
