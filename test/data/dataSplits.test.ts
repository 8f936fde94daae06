import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataFromArrays, dataHash, describeData, splitImages } from 'sparsebook/data/dataSplits.js';
import { imageSet } from 'sparsebook/data/imageSet.js';
import { syntheticImages } from 'sparsebook/data/synthetic.js';
import type { DataSplits, SplitOptions } from 'sparsebook/data/dataSplits.js';
import type { ImageArrays, ImageSet } from 'sparsebook/data/imageSet.js';
import { blankImages } from 'sparsebook/data/dataSplits.js';

/** `count` images of one pixel: the value of each is its index, its class the index modulo `classes`. */
const numbered = (count: number, classes = 2): ImageSet => {
  const numbers = Uint32Array.from({ length: count }, (_, i) => i);
  return {
    name: 'numbers',
    shape: [1, 1, 4],
    images: new Uint8Array(numbers.buffer),
    labels: Uint8Array.from(numbers, (i) => i % classes),
    classNames: Array.from({ length: classes }, (_, k) => `class ${k}`),
  };
};
const numbersOf = ({ images }: ImageSet): number[] => [...new Uint32Array(images.slice().buffer)];
const sizesOf = ({ train, validation, test }: DataSplits): number[] =>
  [train, validation, test].map((set) => set.labels.length);

test('the split of CIFAR-10 is 45,000 to 5,000, complete, and never changes', () => {
  const data = splitImages({ train: numbered(50_000), test: numbered(10_000) });
  assert.deepEqual(sizesOf(data), [45_000, 5_000, 10_000]);
  assert.equal(new Set([...numbersOf(data.train), ...numbersOf(data.validation)]).size, 50_000);
  assert.deepEqual(numbersOf(data.test).slice(0, 3), [0, 1, 2]);
  assert.equal(data.splitHash, 'd6311ca07c6916d1');
});

test('a smaller split takes the first images of each part and has its own hash', () => {
  const given = { train: numbered(1000), test: numbered(40) };
  const whole = splitImages(given);
  const sizes = { train: 50, validation: 20, test: 7 };
  const part = splitImages(given, { sizes });
  assert.deepEqual(numbersOf(part.train), numbersOf(whole.train).slice(0, 50));
  assert.deepEqual(numbersOf(part.validation), numbersOf(whole.validation).slice(0, 20));
  assert.deepEqual(numbersOf(part.test), [0, 1, 2, 3, 4, 5, 6]);
  assert.notEqual(part.splitHash, whole.splitHash);
  assert.notEqual(splitImages(given, { sizes: { ...sizes, validation: 21 } }).splitHash, part.splitHash);
});

test('missing parts are split off the training images, and no image is in two parts', () => {
  const set = numbered(100);
  const [own, given] = [splitImages({ train: set }), splitImages({ train: set, test: numbered(5) })];
  assert.deepEqual(sizesOf(own), [80, 10, 10]);
  assert.equal(new Set([own.train, own.validation, own.test].flatMap(numbersOf)).size, 100);
  assert.deepEqual(own.validation, given.validation, 'a test set of its own changes who validates');
  const counts = splitImages({ train: set }, { validation: 20, test: 0.25, name: 'mine' });
  assert.deepEqual(sizesOf(counts), [55, 20, 25]);
  assert.equal(counts.train.name, 'mine, training');
  counts.train.labels.forEach((label, i) => assert.equal(label, numbersOf(counts.train)[i] % 2));
  assert.deepEqual(sizesOf(splitImages({ train: set, validation: numbered(7), test: numbered(5) })), [100, 7, 5]);
});

const refused: [what: string, given: { train: ImageSet; test?: ImageSet }, options: SplitOptions, message: RegExp][] = [
  [
    'no validation',
    { train: numbered(100) },
    { validation: 0 },
    /validation must be a share between 0 and 1 of the 100/,
  ],
  ['a negative share', { train: numbered(100) }, { test: -0.1 }, /test must be a share .* received -0.1/],
  ['all images for validation', { train: numbered(100) }, { validation: 100 }, /validation must be .* received 100/],
  ['one and a half images', { train: numbered(100) }, { validation: 1.5 }, /received 1.5/],
  [
    'nothing left to train on',
    { train: numbered(10) },
    { validation: 5, test: 5 },
    /some must be left to train on; 5 validate/,
  ],
  ['a share of too few images', { train: numbered(4) }, {}, /with one image or more; received 0.1/],
  [
    'more images than there are',
    { train: numbered(100) },
    { sizes: { test: 11 } },
    /sizes.test .* at most 10 for numbers; received 11/,
  ],
  [
    'other classes',
    { train: numbered(9), test: numbered(9, 3) },
    {},
    /alike: numbers is 1x1x4 in 2 classes, and numbers is .* 3/,
  ],
  [
    'other names',
    { train: numbered(9), test: { ...numbered(9), classNames: ['class 0', 'dog'] } },
    {},
    /number 1 is class 1 in numbers, and dog/,
  ],
  ['another shape', { train: numbered(9), test: { ...numbered(36), shape: [1, 1, 1] } }, {}, /is 1x1x4 .* is 1x1x1/],
];
for (const [what, given, options, message] of refused) {
  test(`${what}: refused`, () => assert.throws(() => splitImages(given, options), { name: 'UserError', message }));
}

const arrays = (change: Partial<ImageArrays> = {}): ImageArrays => ({
  images: Uint8Array.from({ length: 60 * 784 }, (_, i) => i % 251),
  labels: Array.from({ length: 60 }, (_, i) => i % 3),
  shape: [28, 28, 1],
  ...change,
});

test('one call makes three sets of own arrays', () => {
  const data = dataFromArrays({ ...arrays({ name: 'digits' }), validation: 0.2, sizes: { train: 30 } });
  assert.deepEqual(sizesOf(data), [30, 12, 6]);
  assert.deepEqual(data.train.shape, [28, 28, 1]);
  assert.deepEqual(data.train.classNames, ['0', '1', '2']);
  assert.match(
    describeData(data),
    /^digits: 30 training, 12 validation and 6 test images \(28x28x1, 3 classes, split \w{16}\)$/,
  );
});

test('floats in 0..1 become bytes, and clamped bytes are taken as they are', () => {
  const bytes = arrays().images;
  const floats = Float32Array.from(bytes, (value) => value / 255);
  for (const images of [floats, Float64Array.from(floats), Uint8ClampedArray.from(bytes)]) {
    assert.deepEqual(imageSet(arrays({ images })).images, bytes);
  }
});

test('labels use as many bytes as the number of classes needs', () => {
  for (const [classes, type] of [
    [256, Uint8Array],
    [257, Uint16Array],
    [65_537, Int32Array],
  ] as const) {
    const labels = [0, classes - 1];
    const classNames = Array.from({ length: classes }, (_, k) => `class ${k}`);
    const set = imageSet({ images: new Uint8Array(2), labels, shape: [1, 1, 1], classNames });
    assert.ok(set.labels instanceof type);
    assert.deepEqual([...set.labels], labels);
  }
});

const wrong: [what: string, change: object, message: RegExp][] = [
  [
    'one label too many',
    { labels: [...(arrays().labels as number[]), 1] },
    /28x28x1 = 784 values for each label; received 47040 values and 61 labels/,
  ],
  ['half an image', { images: new Uint8Array(784 * 60 - 3) }, /received 47037 values and 60 labels/],
  ['a shape without channels', { shape: [28, 28] }, /shape must be \[height, width, channels\].* received \[28,28\]/],
  ['a shape of half pixels', { shape: [28, 28, 0.5] }, /received \[28,28,0.5\]/],
  ['one class', { labels: new Uint8Array(60) }, /two classes or more to tell apart; received 1/],
  [
    'labels from 1 on',
    { labels: arrays().labels, classNames: undefined, images: arrays().images, plus: 1 },
    /count the classes from 0 on; received 1, 2, 3 and no 0/,
  ],
  [
    'a class left out',
    { labels: Array.from({ length: 60 }, (_, i) => (i % 2) * 2) },
    /received 0, 2 and no 1\. Renumber/,
  ],
  [
    'a negative label',
    { labels: Array.from({ length: 60 }, (_, i) => (i % 2) - 1), classNames: ['a', 'b'] },
    /from 0 to 1, .* received -1 for image 0/,
  ],
  [
    'a label beyond the names',
    { classNames: ['a', 'b'] },
    /whole numbers from 0 to 1, for the 2 classes of own images; received 2 for image 2/,
  ],
  [
    'a label between two classes',
    { labels: Array.from({ length: 60 }, () => 0.5), classNames: ['a', 'b'] },
    /received 0.5 for image 0/,
  ],
  [
    'floats in 0..255',
    { images: Float32Array.from(arrays().images) },
    /floats must be in 0..1; received 2 in image 0. Scale/,
  ],
  ['floats below 0', { images: new Float32Array(47040).fill(-0.1, 784) }, /received -0.1.* in image 1/],
  ['not a number', { images: new Float32Array(47040).fill(NaN) }, /received NaN in image 0/],
  ['a plain list', { images: Array.from(arrays().images) }, /one flat Uint8Array .* received Array/],
  ['images inside images', { images: [[[0]]] }, /received Array/],
];
for (const [what, { plus = 0, ...change }, message] of wrong as [
  string,
  Partial<ImageArrays> & { plus?: number },
  RegExp,
][]) {
  test(`arrays with ${what}: refused`, () => {
    const given = arrays(change);
    const labels = Array.from(given.labels, (label) => label + plus);
    assert.throws(() => imageSet({ ...given, labels }), { name: 'UserError', message });
  });
}

test('images that do not fit into memory are refused in a sentence', () => {
  assert.throws(() => syntheticImages(2 ** 40, 1), {
    name: 'UserError',
    message: /fit into memory as a whole; .* GiB/,
  });
});

test('the hash of the data changes with any pixel, label, shape, number of classes or order, and with nothing else', () => {
  const data = dataFromArrays(arrays());
  const hash = dataHash(data);
  assert.match(hash, /^[0-9a-f]{16}$/);
  assert.equal(dataHash(dataFromArrays(arrays({ name: 'renamed' }))), hash);
  const { test: held } = data;
  const changed: ImageSet[] = [
    { ...held, images: held.images.map((value, i) => (i === 100 ? value ^ 1 : value)) },
    { ...held, labels: held.labels.map((label, i) => (i === 2 ? (label + 1) % 3 : label)) },
    { ...held, shape: [14, 56, 1] },
    { ...held, classNames: [...held.classNames, 'more'] },
  ];
  const hashes = new Set([hash, ...changed.map((test) => dataHash({ ...data, test }))]);
  hashes.add(dataHash({ ...data, validation: data.test, test: data.validation }));
  assert.equal(hashes.size, 6);
});

test('blank images have the requested shape and number of classes', () => {
  const { train } = blankImages([28, 28, 1], 300);
  assert.deepEqual([train.shape, train.images.length, train.labels.length], [[28, 28, 1], 2 * 784, 2]);
  assert.equal(train.classNames.length, 300);
  assert.equal(blankImages().test.images.length, 2 * 3072);
});
