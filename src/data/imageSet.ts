/** Side of every picture, in pixels. */
export const imageSize = 32;
/** Bytes of one picture: 32 rows x 32 columns x 3 colours. */
export const imageBytes = imageSize * imageSize * 3;

/** Labelled pictures, whatever they come from. */
export interface ImageSet {
  /** Which data this is, for people: "CIFAR-10, validation". */
  name: string;
  /** [N, 32, 32, 3] flat: rows, columns, then red, green, blue in 0..255. */
  images: Uint8Array;
  /** [N] indices into classNames. */
  labels: Uint8Array;
  classNames: string[];
}

/** The pictures of `set` at the given indices, copied, in that order, under a new name. */
export function pickImages(set: ImageSet, indices: Uint32Array, name: string): ImageSet {
  const images = new Uint8Array(indices.length * imageBytes);
  const labels = new Uint8Array(indices.length);
  indices.forEach((from, to) => {
    images.set(set.images.subarray(from * imageBytes, (from + 1) * imageBytes), to * imageBytes);
    labels[to] = set.labels[from];
  });
  return { name, images, labels, classNames: set.classNames };
}
