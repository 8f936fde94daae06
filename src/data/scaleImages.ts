import { UserError } from '../errors.js';
import { bytesFor, shapeOf, sizeOf, valuesOf, type ImageSet, type ImageShape, type ImageSize } from './imageSet.js';
import { resizedCrop } from './resizedCrop.js';

/**
 * A set with its images scaled to cover `size` and cropped in the middle. A new pixel is the mean of the old ones
 * around it, weighted by a triangle that widens as images shrink: `resizedCrop`, and so the pixels that progressive
 * resizing trains on. Returns the set itself where it has the size. Throws a UserError for another number of channels.
 */
export function scaleImages(set: ImageSet, { height, width, channels }: ImageSize): ImageSet {
  const stored = shapeOf(set);
  const [rows, columns, depth] = stored;
  if (channels !== undefined && channels !== depth) {
    throw new UserError(
      `The size of ${set.name} must have its ${depth} channels, or leave them out; received ` +
        `${sizeOf([height, width, channels])}.`,
    );
  }
  if (height === rows && width === columns) return set;
  const shape: ImageShape = [height, width, depth];
  const count = set.labels.length;
  const images = bytesFor(count, shape);
  const cut = {
    height: Math.max(1, Math.min(rows, Math.round((columns * height) / width))),
    width: Math.max(1, Math.min(columns, Math.round((rows * width) / height))),
  };
  const box = { ...cut, top: Math.floor((rows - cut.height) / 2), left: Math.floor((columns - cut.width) / 2) };
  const [from, to] = [new Float32Array(valuesOf(stored)), new Float32Array(valuesOf(shape))];
  for (let i = 0; i < count; i++) {
    from.set(set.images.subarray(i * from.length, (i + 1) * from.length));
    resizedCrop(from, columns, box, to, shape);
    images.set(to, i * to.length);
  }
  return { ...set, shape, images };
}
