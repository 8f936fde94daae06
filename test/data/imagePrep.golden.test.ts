import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalise, standardise, type ImageShape } from 'sparsebook/data';
import { flip, paddedCrop } from 'sparsebook/data/augment.js';
import { resizedCrop } from 'sparsebook/data/resizedCrop.js';
import { assertClose, readGolden } from '../goldens.ts';
import type { GoldenArray, GoldenFile } from '../goldens.ts';

type Triple = [number, number, number];

interface Attrs {
  top: number;
  left: number;
  height: number;
  width: number;
  padding: number;
  mean: Triple;
  std: Triple;
}

interface Case {
  name: string;
  inputs: { image: string | GoldenArray };
  attrs: Attrs;
  expected: {
    image_uint8_hwc: GoldenArray;
    first_row_uint8: GoldenArray;
    crc_sum: number;
    tensor_chw_rows_0_and_17: GoldenArray;
    channel_mean: GoldenArray;
    channel_std_population: GoldenArray;
    tensor_chw: GoldenArray;
    mean: number;
    std: number;
    rows_0_and_9_hwc: GoldenArray;
    constant_image_gives: number;
  };
}

const file = readGolden<Case>('image_prep') as GoldenFile<Case> & { image_main: GoldenArray };
const floatTolerance = { absolute: 5e-6 };
const statisticsTolerance = { absolute: 1e-5 };

/** Given rows of a [32, 32, 3] image, as [3, rows, 32]. */
function planes(image: Float32Array, rows: number[]): number[] {
  return [0, 1, 2].flatMap((k) =>
    rows.flatMap((row) => Array.from({ length: 32 }, (_, column) => image[(row * 32 + column) * 3 + k])),
  );
}

const channel = (image: Float32Array, k: number): Float32Array => image.filter((_, i) => i % 3 === k);
const meanOf = (values: Float32Array): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const deviationOf = (values: Float32Array): number => {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
};

function checkNormalised(image: Float32Array, { attrs, expected }: Case): void {
  normalise(attrs)(image, shape);
  assertClose(planes(image, [0, 17]), expected.tensor_chw_rows_0_and_17.data, floatTolerance, 'rows 0 and 17');
  const colours = [0, 1, 2].map((k) => channel(image, k));
  assertClose(colours.map(meanOf), expected.channel_mean.data, statisticsTolerance, 'means');
  assertClose(colours.map(deviationOf), expected.channel_std_population.data, statisticsTolerance, 'deviations');
}

const shape: ImageShape = [32, 32, 3];
const allRows = Array.from({ length: 32 }, (_, row) => row);
const bytes = (array: GoldenArray): Float32Array => Float32Array.from(array.data);

const checks: Record<string, (image: Float32Array, golden: Case) => void> = {
  resized_crop(image, { attrs, expected }) {
    const target = new Float32Array(3072);
    resizedCrop(image, 32, attrs, target, shape);
    assert.deepEqual(target, bytes(expected.image_uint8_hwc));
    resizedCrop(image, 32, attrs, image, shape);
    assert.deepEqual(image, target, 'in place');
  },
  antialias_downscale(image, { inputs, expected }) {
    const [height, width] = (inputs.image as GoldenArray).shape;
    const target = new Float32Array(3072);
    resizedCrop(image, width, { top: 0, left: 0, height, width }, target, shape);
    assert.deepEqual(target, bytes(expected.image_uint8_hwc));
  },
  hflip(image, { expected }) {
    flip(image, shape);
    assert.deepEqual(image.slice(0, 96), bytes(expected.first_row_uint8));
    const sum = image.reduce((total, value, i) => total + value * ((i % 97) + 1), 0);
    assert.equal(sum, expected.crc_sum);
  },
  normalize: checkNormalised,
  train_pipeline_flip_then_crop(image, { attrs, expected }) {
    flip(image, shape);
    resizedCrop(image, 32, attrs, image, shape);
    normalise(attrs)(image, shape);
    assertClose(planes(image, allRows), expected.tensor_chw.data, floatTolerance, 'tensor');
  },
  random_crop_pad4_given_offset(image, { attrs, expected }) {
    paddedCrop(image, shape, attrs);
    assert.deepEqual(image, bytes(expected.image_uint8_hwc));
  },
  tf_per_image_standardization(image, { expected }) {
    assert.ok(Math.abs(meanOf(image) - expected.mean) <= statisticsTolerance.absolute);
    assert.ok(Math.abs(deviationOf(image) - expected.std) <= statisticsTolerance.absolute);
    standardise(image, shape);
    const rows = [...image.slice(0, 96), ...image.slice(9 * 96, 10 * 96)];
    assertClose(rows, expected.rows_0_and_9_hwc.data, floatTolerance, 'rows 0 and 9');
    const constant = new Float32Array(3072).fill(77);
    standardise(constant, shape);
    assert.ok(constant.every((value) => value === expected.constant_image_gives));
  },
};

for (const golden of file.cases) {
  test(`image_prep: ${golden.name}`, () => {
    const { image } = golden.inputs;
    const check = Object.keys(checks).find((name) => golden.name.startsWith(name));
    assert.ok(check !== undefined, `no check for ${golden.name}`);
    checks[check](bytes(typeof image === 'string' ? file.image_main : image), golden);
  });
}
