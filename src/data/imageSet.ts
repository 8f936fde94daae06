import { UserError } from '../errors.js';

/** Rows, columns and channels of an image. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** One label for each image, in as few bytes as the number of classes allows. */
export type Labels = Uint8Array | Uint16Array | Int32Array;

/** Labelled images, all of one shape, from any source. */
export interface ImageSet {
  /** A name of the data for people: "CIFAR-10, validation". */
  name: string;
  /** Default: 32x32x3. */
  shape?: ImageShape;
  /** [N, H, W, C] flat: rows, columns, then channels (red, green, blue) in 0..255. */
  images: Uint8Array;
  /** [N] indices into classNames. */
  labels: Labels;
  classNames: string[];
}

/** The shape of a set's images. */
export const shapeOf = ({ shape = [32, 32, 3] }: Pick<ImageSet, 'shape'>): ImageShape => shape;

/** Multiplies a shape's height and width by `scale` and rounds them, to at least 1. */
export const scaled = ([height, width, channels]: ImageShape, scale: number): ImageShape => [
  Math.max(1, Math.round(height * scale)),
  Math.max(1, Math.round(width * scale)),
  channels,
];

/** Images given as arrays. */
export interface ImageArrays {
  /** [N, H, W, C] flat, the channel fastest: bytes in 0..255, or floats in 0..1, which are rounded to bytes. */
  images: Uint8Array | Uint8ClampedArray | Float32Array | Float64Array;
  /** [N] class indices: whole numbers from 0. */
  labels: ArrayLike<number>;
  /** [height, width, channels]. */
  shape: readonly number[];
  /** A name for each class; by default its number, 0 to the highest label. */
  classNames?: readonly string[];
  /** A name of the data for people. Default "own images". */
  name?: string;
}

/** Writes a shape as 28x28x1. */
export const sizeOf = (shape: readonly number[]): string => shape.join('x');

/** Height and width of images, and optionally their number of channels. */
export interface ImageSize {
  height: number;
  width: number;
  channels?: number;
}

/** Reads HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS; throws a UserError for anything else. */
export function imageSizeOf(text: string): ImageSize {
  const [, height, width, channels] = /^([1-9]\d*)x([1-9]\d*)(?:x([1-9]\d*))?$/.exec(text) ?? [];
  if (height === undefined) {
    throw new UserError(
      `The size of images must be HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS, as in 28x28x1; received ${text}.`,
    );
  }
  return {
    height: Number(height),
    width: Number(width),
    channels: channels === undefined ? undefined : Number(channels),
  };
}

/** How many values an image of this shape has. */
export const valuesOf = ([height, width, channels]: ImageShape): number => height * width * channels;

/** Returns `shape` as a shape of images. Throws a UserError that names `what` if it is not one. */
export function imageShape(shape: readonly number[], what = 'shape'): ImageShape {
  if (Array.isArray(shape) && shape.length === 3 && shape.every((side) => Number.isInteger(side) && side > 0)) {
    return [shape[0], shape[1], shape[2]] as ImageShape;
  }
  throw new UserError(
    `${what} must be [height, width, channels], three whole numbers above 0; received ${JSON.stringify(shape)}.`,
  );
}

/** Allocates the labels of `count` images, in as few bytes each as `classes` allow. */
export function labelsFor(count: number, classes: number): Labels {
  if (classes <= 2 ** 8) return new Uint8Array(count);
  return classes <= 2 ** 16 ? new Uint16Array(count) : new Int32Array(count);
}

/** Allocates `count` images. Throws a UserError if there is not enough memory. */
export function bytesFor(count: number, shape: ImageShape): Uint8Array {
  try {
    return new Uint8Array(count * valuesOf(shape));
  } catch {
    const needed = ((count * valuesOf(shape)) / 2 ** 30).toFixed(1);
    throw new UserError(
      `A set of images must fit into memory as a whole; ${count} images of ${sizeOf(shape)} need ${needed} GiB. Use smaller ` +
        'images or fewer.',
    );
  }
}

/** Copies the images of `set` at the given indices, in that order, into a set with a new name. */
export function pickImages(set: ImageSet, indices: Uint32Array, name: string): ImageSet {
  const { classNames } = set;
  const shape = shapeOf(set);
  const values = valuesOf(shape);
  const images = bytesFor(indices.length, shape);
  const labels = labelsFor(indices.length, classNames.length);
  indices.forEach((from, to) => {
    images.set(set.images.subarray(from * values, (from + 1) * values), to * values);
    labels[to] = set.labels[from];
  });
  return { name, shape, images, labels, classNames };
}

function bytesOf(images: ImageArrays['images'], values: number): Uint8Array {
  if (images instanceof Uint8Array) return images;
  if (images instanceof Uint8ClampedArray) return new Uint8Array(images.buffer, images.byteOffset, images.length);
  if (!(images instanceof Float32Array || images instanceof Float64Array)) {
    throw new UserError(
      'images must be one flat Uint8Array with values in 0..255, or a Float32Array with values in 0..1; received ' +
        `${Object.prototype.toString.call(images).slice(8, -1)}. Make one: Uint8Array.from(values).`,
    );
  }
  const wrong = images.findIndex((value: number) => !(value >= 0 && value <= 1));
  if (wrong >= 0) {
    throw new UserError(
      `Values of images that are floats must be in 0..1; received ${images[wrong]} in image ${Math.floor(wrong / values)}. ` +
        'Scale them; `normalise` shifts them when they are used.',
    );
  }
  return Uint8Array.from(images, (value) => Math.round(255 * value));
}

/**
 * Counts the classes in labels without class names. Throws a UserError unless every number from 0 to the highest
 * occurs.
 */
function classesOf(labels: ArrayLike<number>): number {
  const present = new Set(Array.from(labels));
  for (let label = 0; label < present.size; label++) {
    if (present.has(label)) continue;
    throw new UserError(
      `labels must be whole numbers that count the classes from 0 on; received ${[...present].slice(0, 5).join(', ')} and no ` +
        `${label}. Renumber them, or give classNames with a name for each class, also for those without images.`,
    );
  }
  return present.size;
}

/**
 * Makes a set of images from arrays: bytes are used as they are, floats rounded to bytes, labels copied.
 *
 * Throws a UserError if lengths, values, labels and shape do not fit together, or there are fewer than two classes.
 */
export function imageSet({ images, labels, shape: sides, classNames, name = 'own images' }: ImageArrays): ImageSet {
  const shape = imageShape(sides);
  const values = valuesOf(shape);
  const bytes = bytesOf(images, values);
  if (bytes.length !== labels.length * values) {
    throw new UserError(
      `images must have ${sizeOf(shape)} = ${values} values for each label; received ${bytes.length} values and ` +
        `${labels.length} labels.`,
    );
  }
  const names = classNames ? [...classNames] : Array.from({ length: classesOf(labels) }, (_, k) => String(k));
  if (names.length < 2) {
    throw new UserError(`There must be two classes or more to tell apart; received ${names.length} in ${name}.`);
  }
  const wrong = Array.from(labels).findIndex(
    (label) => !(Number.isInteger(label) && label >= 0 && label < names.length),
  );
  if (wrong >= 0) {
    throw new UserError(
      `labels must be whole numbers from 0 to ${names.length - 1}, for the ${names.length} classes of ${name}; received ` +
        `${labels[wrong]} for image ${wrong}.`,
    );
  }
  const copied = labelsFor(labels.length, names.length);
  copied.set(Array.from(labels));
  return { name, shape, images: bytes, labels: copied, classNames: names };
}
