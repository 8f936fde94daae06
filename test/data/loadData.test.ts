import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dataHash, describeData } from 'sparsebook/data/dataSplits.js';
import { shapeOf } from 'sparsebook/data/imageSet.js';
import { loadData, type DataOptions } from 'sparsebook/data/loadData.js';
import { smallArchive, smallFolder } from './smallCifar10.ts';

test('synthetic data comes in three parts of the requested sizes, named and reproducible', async () => {
  const sizes = { train: 60, validation: 20, test: 30 };
  const data = await loadData('synthetic', { seed: 5, sizes });
  assert.deepEqual(
    [data.train, data.validation, data.test].map((set) => set.labels.length),
    [60, 20, 30],
  );
  assert.equal(data.name, 'synthetic collages');
  assert.equal(data.validation.name, 'synthetic collages, validation');
  assert.deepEqual(await loadData('synthetic', { seed: 5, sizes }), data);
  const other = await loadData('synthetic', { seed: 6, sizes });
  assert.notDeepEqual(other.train.images, data.train.images);
  assert.equal(other.splitHash, data.splitHash);
});

test('no image appears in two parts', async () => {
  const {
    train,
    validation,
    test: testing,
  } = await loadData('synthetic', { sizes: { train: 300, validation: 100, test: 100 } });
  const seen = new Set<string>();
  for (const { images } of [train, validation, testing]) {
    for (let at = 0; at < images.length; at += 3072)
      seen.add(Buffer.from(images.subarray(at, at + 3072)).toString('latin1'));
  }
  assert.equal(seen.size, 500);
});

test('impossible sizes are refused', async () => {
  await assert.rejects(
    loadData('synthetic', { sizes: { train: 0 } }),
    /sizes\.train must be a whole number above 0; received 0/,
  );
  await assert.rejects(loadData('synthetic', { sizes: { test: 1.5 } }), /sizes\.test must be .* received 1\.5/);
});

test('missing data is refused with what to do', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'sparsebook-no-data-'));
  const before = process.env.SPARSEBOOK_DATA;
  process.env.SPARSEBOOK_DATA = empty;
  try {
    await assert.rejects(loadData('cifar10'), {
      name: 'UserError',
      message: /Download it .* sparsebook data get cifar10/,
    });
    await assert.rejects(loadData('cifar100'), {
      name: 'UserError',
      message: /data must be synthetic, cifar10 or a folder of images/,
    });
    await assert.rejects(loadData(empty), {
      name: 'UserError',
      message: /A folder of images must have a folder for each class.* has none/,
    });
  } finally {
    if (before === undefined) delete process.env.SPARSEBOOK_DATA;
    else process.env.SPARSEBOOK_DATA = before;
    rmSync(empty, { recursive: true });
  }
});

test('a folder of files is checked against the official sizes', async () => {
  const folder = smallFolder();
  await assert.rejects(loadData(folder), /data_batch_1\.bin must hold 10000 records .* it has 61460/);
  rmSync(folder, { recursive: true });
});

test('a folder is split nine to one, signed with its name, and cut to the requested sizes', async () => {
  const folder = smallFolder();
  const whole = await loadData(folder, {}, smallArchive);
  assert.deepEqual(
    [whole.train, whole.validation, whole.test].map((set) => [set.name, set.labels.length]),
    [
      ['CIFAR-10 (unverified copy), training', 90],
      ['CIFAR-10 (unverified copy), validation', 10],
      ['CIFAR-10 (unverified copy), test', 20],
    ],
  );
  const part = await loadData(folder, { sizes: { train: 30, test: 5 }, name: 'mine', seed: 3 }, smallArchive);
  assert.equal(part.train.name, 'mine, training');
  assert.deepEqual(part.train.images, whole.train.images.slice(0, part.train.images.length));
  assert.deepEqual(part.validation.labels, whole.validation.labels);
  assert.equal(part.test.labels.length, 5);
  await assert.rejects(
    loadData(folder, { sizes: { validation: 11 } }, smallArchive),
    /sizes\.validation must be a whole number above 0, at most 10 for CIFAR-10/,
  );
  rmSync(folder, { recursive: true });
});

test('one line describes the data', async () => {
  const data = await loadData('synthetic', { sizes: { train: 1200, validation: 20, test: 30 } });
  const line = `synthetic collages: 1,200 training, 20 validation and 30 test images (32x32x3, 10 classes, split ${data.splitHash})`;
  assert.equal(describeData(data), line);
});

test('synthetic images have the requested size and number of classes', async () => {
  const sizes = { train: 200, validation: 10, test: 10 };
  const data = await loadData('synthetic', { sizes, imageSize: '28x28x1', classes: 3 });
  assert.match(describeData(data), /\(28x28x1, 3 classes,/);
  assert.deepEqual(data.test.classNames, ['circle', 'ring', 'crescent']);
  const hundred = await loadData('synthetic', { sizes, imageSize: '64x48', classes: 100 });
  assert.deepEqual(hundred.train.shape, [64, 48, 3]);
  assert.equal(hundred.train.classNames[42], 'triangle crescent');
  assert.ok([...hundred.train.labels].some((label) => label === 99));
});

test('impossible image sizes and numbers of classes are refused', async () => {
  const refuse = (options: DataOptions, message: RegExp, data = 'synthetic'): Promise<void> =>
    assert.rejects(loadData(data, options, smallArchive), { name: 'UserError', message });
  for (const imageSize of ['28', '28x28x1x1', '0x28', '28 x 28', 'big', '']) {
    await refuse({ imageSize }, /HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS, as in 28x28x1; received/);
  }
  await refuse({ imageSize: '7x28x1' }, /at least 8x8 pixels.* received 7x28x1/);
  await refuse({ imageSize: '32x20', classes: 1000 }, /1000 classes must be at least 8x24 pixels, for 3 shapes/);
  await refuse({ classes: 1 }, /classes must be a whole number of at least 2; received 1/);
  await refuse({ classes: 2.5 }, /received 2.5/);
  const folder = smallFolder();
  await refuse({ classes: 5 }, /CIFAR-10.* has, 10; received 5/, folder);
  assert.equal((await loadData(folder, { imageSize: '32x32x3', classes: 10 }, smallArchive)).test.labels.length, 20);
  rmSync(folder, { recursive: true });
});

test("CIFAR-10's images have the requested size in all three parts, with the same split", async () => {
  const folder = smallFolder();
  const [whole, small] = [
    await loadData(folder, {}, smallArchive),
    await loadData(folder, { imageSize: '20x20' }, smallArchive),
  ];
  assert.deepEqual([small.train, small.validation, small.test].map(shapeOf), Array(3).fill([20, 20, 3]));
  assert.equal(small.splitHash, whole.splitHash);
  assert.deepEqual(small.test.labels, whole.test.labels);
  assert.notEqual(dataHash(small), dataHash(whole));
  await assert.rejects(loadData(folder, { imageSize: '20x20x1' }, smallArchive), /must have its 3 channels.* 20x20x1/);
  rmSync(folder, { recursive: true });
});
