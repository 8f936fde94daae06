import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalise, standardise } from 'sparsebook/data/normalise.js';
import type { ImageShape } from 'sparsebook/data/imageSet.js';
import { flip, paddedCrop } from 'sparsebook/data/augment.js';
import { resizedCrop, type Box } from 'sparsebook/data/resizedCrop.js';
import { assertClose, kindOf, readGolden, topLevel } from '../goldens.ts';
import type { GoldenArray } from '../goldens.ts';

type Triple = [number, number, number];

interface Case {
  name: string;
  inputs: { image: string | GoldenArray };
  attrs: {
    top?: number;
    left?: number;
    height?: number;
    width?: number;
    padding?: number;
    fill: number;
    flip: boolean;
    out: [number, number];
    interpolation: string;
    mean: Triple;
    std: Triple;
  };
  /** Rows of an image are given under names like `rows_0_and_9_hwc` and `tensor_chw_rows_0_and_17`. */
  expected: Record<string, GoldenArray> & { crc_sum: number; mean: number; std: number; constant_image_gives: number };
}

const file = readGolden<Case>('image_prep', ['attrs.formula']);
const floatTolerance = { absolute: 5e-6 };
const statisticsTolerance = { absolute: 1e-5 };

const bytes = (array: GoldenArray): Float32Array => Float32Array.from(array.data);
const valuesIn = (shape: ImageShape): number => shape.reduce((product, n) => product * n, 1);

/** The part of an image that a case cuts out: the whole image by default. */
function boxOf(attrs: Case['attrs'], [height, width]: ImageShape): Box {
  return {
    top: attrs.top ?? 0,
    left: attrs.left ?? 0,
    height: attrs.height ?? height,
    width: attrs.width ?? width,
  };
}

/** The rows of an image that a case gives, and their values. */
function rowsGiven({ name, expected }: Case): { rows: number[]; values: number[] } {
  const [key, numbers] = Object.keys(expected).flatMap((field) => /^\w*rows_(\d+(?:_and_\d+)*)\w*$/.exec(field) ?? []);
  assert.ok(numbers !== undefined, `${name} gives no rows`);
  return { rows: numbers.split('_and_').map(Number), values: expected[key].data };
}

/** Rows of an image [height, width, channels], as [channels, rows, width]. */
function planes(image: Float32Array, [, width, channels]: ImageShape, rows: number[]): number[] {
  return Array.from({ length: channels }, (_, k) =>
    rows.flatMap((row) => Array.from({ length: width }, (_, column) => image[(row * width + column) * channels + k])),
  ).flat();
}

const meanOf = (values: Float32Array): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const deviationOf = (values: Float32Array): number => {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
};

type Check = (image: Float32Array, shape: ImageShape, golden: Case) => void;

/** Checks, keyed by a field that only one kind of case expects. */
const checks: Record<string, Check> = {
  first_row_uint8(image, shape, { expected }) {
    flip(image, shape);
    assert.deepEqual(image.slice(0, shape[1] * shape[2]), bytes(expected.first_row_uint8));
    const sum = image.reduce((total, value, i) => total + value * ((i % 97) + 1), 0);
    assert.equal(sum, expected.crc_sum);
  },

  channel_mean(image, shape, golden) {
    const { attrs, expected } = golden;
    normalise(attrs)(image, shape);
    const { rows, values } = rowsGiven(golden);
    assertClose(planes(image, shape, rows), values, floatTolerance, `rows ${rows.join()}`);
    const colours = Array.from({ length: shape[2] }, (_, k) => image.filter((_, i) => i % shape[2] === k));
    assertClose(colours.map(meanOf), expected.channel_mean.data, statisticsTolerance, 'means');
    assertClose(colours.map(deviationOf), expected.channel_std_population.data, statisticsTolerance, 'deviations');
  },

  tensor_chw(image, shape, { attrs, expected }) {
    if (attrs.flip) flip(image, shape);
    resizedCrop(image, shape[1], boxOf(attrs, shape), image, shape);
    normalise(attrs)(image, shape);
    const rows = Array.from({ length: shape[0] }, (_, row) => row);
    assertClose(planes(image, shape, rows), expected.tensor_chw.data, floatTolerance, 'tensor');
  },

  /** A padded crop, a resized crop, or the whole image resized. */
  image_uint8_hwc(image, shape, { attrs, expected }) {
    const wanted = bytes(expected.image_uint8_hwc);
    if (attrs.padding !== undefined) {
      assert.equal(attrs.fill, 0);
      const { top, left } = boxOf(attrs, shape);
      paddedCrop(image, shape, { padding: attrs.padding, top, left });
      assert.deepEqual(image, wanted);
      return;
    }
    assert.equal(attrs.interpolation, 'bilinear');
    const out: ImageShape = [...attrs.out, shape[2]];
    const target = new Float32Array(valuesIn(out));
    const box = boxOf(attrs, shape);
    resizedCrop(image, shape[1], box, target, out);
    assert.deepEqual(target, wanted);
    if (out.join() !== shape.join()) return;
    resizedCrop(image, shape[1], box, image, out);
    assert.deepEqual(image, target, 'in place');
  },

  constant_image_gives(image, shape, golden) {
    const { expected } = golden;
    assertClose([meanOf(image), deviationOf(image)], [expected.mean, expected.std], statisticsTolerance, 'statistics');
    standardise(image, shape);
    const { rows, values } = rowsGiven(golden);
    const row = shape[1] * shape[2];
    const ours = rows.flatMap((y) => [...image.slice(y * row, (y + 1) * row)]);
    assertClose(ours, values, floatTolerance, `rows ${rows.join()}`);
    const constant = new Float32Array(valuesIn(shape)).fill(77);
    standardise(constant, shape);
    assert.ok(constant.every((value) => value === expected.constant_image_gives));
  },
};

for (const golden of file.cases) {
  test(`image_prep: ${golden.name}`, () => {
    const { image } = golden.inputs;
    const given = typeof image === 'string' ? topLevel<GoldenArray>(file, image) : image;
    checks[kindOf(golden, Object.keys(checks))](bytes(given), given.shape as unknown as ImageShape, golden);
  });
}
