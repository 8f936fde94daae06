import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import sharp, { type Sharp } from 'sharp';
import { describeData, type DataSplits } from 'sparsebook/data/dataSplits.js';
import { loadData, type DataOptions } from 'sparsebook/data/loadData.js';
import { type ImageShape, shapeOf } from 'sparsebook/data/imageSet.js';

const place = mkdtempSync(join(tmpdir(), 'sparsebook-images-'));
after(() => rmSync(place, { recursive: true }));

type Values = number | ((y: number, x: number, k: number) => number);

/** The pixels of an image as input for sharp. */
function raw([height, width, channels]: ImageShape, values: Values = 100): Sharp {
  const bytes = Buffer.alloc(height * width * channels);
  bytes.forEach((_, i) => {
    const [k, x, y] = [i % channels, Math.floor(i / channels) % width, Math.floor(i / channels / width)];
    bytes[i] = typeof values === 'number' ? values : values(y, x, k);
  });
  return sharp(bytes, { raw: { width, height, channels: channels as 1 } });
}
const png = (shape: ImageShape, values?: Values): Promise<Buffer> =>
  (shape[2] === 1 ? raw(shape, values).toColourspace('b-w') : raw(shape, values)).png().toBuffer();
const jpeg = (shape: ImageShape, values?: Values): Promise<Buffer> => raw(shape, values).jpeg().toBuffer();

type Files = Record<string, Buffer | string | Promise<Buffer>>;
let folders = 0;

/** Writes files, given by their paths, to a new folder and returns its path. */
async function folderOf(files: Files, name = 'things'): Promise<string> {
  const folder = join(place, String(folders++), name);
  mkdirSync(folder, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    if (path.endsWith('/')) mkdirSync(join(folder, path), { recursive: true });
    else writeFileSync(join(folder, path), await content);
  }
  return folder;
}

/** `count` images per class, each of one value: 10 times the index of the class plus the image's index. */
function classes(names: string[], count: number, shape: ImageShape = [4, 5, 1], at = ''): Files {
  return Object.fromEntries(
    names.flatMap((name, k) =>
      Array.from({ length: count }, (_, i) => [`${at}${name}/${i}.png`, png(shape, 10 * k + i)] as const),
    ),
  );
}

/** All values of a part, sorted, one per image, to see which images it has. */
const valuesOf = (data: DataSplits, part: 'train' | 'validation' | 'test'): number[] => {
  const { images } = data[part];
  const shape = shapeOf(data[part]);
  const step = shape[0] * shape[1] * shape[2];
  return Array.from({ length: images.length / step }, (_, i) => images[i * step]).sort((a, b) => a - b);
};

test('a folder with one folder per class becomes three parts, always the same', async () => {
  const folder = await folderOf({ ...classes(['dog', 'cat', 'Émile', '10'], 10), 'README.md': 'mine' });
  const data = await loadData(folder);
  assert.match(
    describeData(data),
    /^things: 32 training, 4 validation and 4 test images \(4x5x1, 4 classes, split \w{16}\)$/,
  );
  assert.deepEqual(data.train.classNames, ['10', 'cat', 'dog', 'Émile']);
  const all = (['train', 'validation', 'test'] as const).flatMap((part) => valuesOf(data, part));
  assert.deepEqual(
    all.sort((a, b) => a - b),
    Array.from({ length: 40 }, (_, i) => i),
  );
  // The class of an image is its folder: the folders were written in this order.
  const written = ['dog', 'cat', 'Émile', '10'];
  data.train.labels.forEach((label, i) => {
    assert.equal(data.train.classNames[label], written[Math.floor(data.train.images[i * 20] / 10)]);
  });
  assert.deepEqual(await loadData(folder), data);
  const few = await loadData(folder, { sizes: { train: 12 }, name: 'mine' });
  assert.deepEqual(few.train.images, data.train.images.slice(0, 12 * 20));
  assert.ok(new Set(few.train.labels).size > 2, 'the first images are a fair sample');
  assert.equal(few.train.name, 'mine, training');
});

test('train, test and validation folders are taken as they are; missing parts are split off train', async () => {
  const three = { ...classes(['a', 'b'], 10, undefined, 'train/'), ...classes(['a', 'b'], 3, undefined, 'test/') };
  for (const name of ['val', 'validation']) {
    const folder = await folderOf({ ...three, ...classes(['a', 'b'], 2, undefined, `${name}/`) });
    const data = await loadData(folder);
    assert.deepEqual(
      valuesOf(data, 'train'),
      Array.from({ length: 20 }, (_, i) => i),
    );
    assert.deepEqual(valuesOf(data, 'validation'), [0, 1, 10, 11]);
    assert.deepEqual(valuesOf(data, 'test'), [0, 1, 2, 10, 11, 12]);
    assert.ok(new Set((await loadData(folder, { sizes: { test: 4 } })).test.labels).size === 2);
  }
  const data = await loadData(await folderOf(three));
  assert.deepEqual(
    [data.train, data.validation, data.test].map((set) => set.labels.length),
    [18, 2, 6],
  );
});

test('a class may be called train', async () => {
  const data = await loadData(await folderOf(classes(['train', 'plane', 'test'], 10)));
  assert.deepEqual(data.train.classNames, ['plane', 'test', 'train']);
});

test('hidden files, files that systems leave behind, and links do no harm', async () => {
  const folder = await folderOf({
    ...classes(['a', 'b'], 10),
    '.DS_Store': 'x',
    'a/.hidden': 'x',
    'a/Thumbs.db': 'x',
    'b/desktop.ini': 'x',
    '.git/config': 'x',
    LICENSE: 'mine',
    'a/license plate.png': png([4, 5, 1]),
  });
  symlinkSync(join(folder, 'b'), join(folder, 'c'));
  symlinkSync(join(folder, 'a', '0.png'), join(folder, 'a', 'again.png'));
  const data = await loadData(folder);
  assert.deepEqual(data.train.classNames, ['a', 'b', 'c']);
  assert.equal(data.train.labels.length + data.validation.labels.length + data.test.labels.length, 32);
});

test('the same class name in other bytes is the same class', async () => {
  const folder = await folderOf({
    ...classes(['caf\u00e9', 'tea'], 8, undefined, 'train/'),
    ...classes(['cafe\u0301', 'tea'], 2, undefined, 'test/'),
  });
  assert.deepEqual((await loadData(folder)).test.classNames, ['caf\u00e9', 'tea']);
});

/** The only image of class a, after reading a folder with it and a filler of the same kind. */
async function read(
  image: Buffer | Promise<Buffer>,
  options: DataOptions = {},
  filler = image,
  ending = 'png',
): Promise<[ImageShape, number[]]> {
  const files: Files = { [`train/a/1.${ending}`]: filler, [`test/a/1.${ending}`]: image };
  for (const part of ['train', 'test']) files[`${part}/b/1.${ending}`] = filler;
  const others = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`train/b/${i + 2}.${ending}`, filler]));
  const { test: set } = await loadData(await folderOf({ ...files, ...others }), options);
  const shape = shapeOf(set);
  const step = shape[0] * shape[1] * shape[2];
  const at = set.labels.indexOf(0) * step;
  return [shape, [...set.images.subarray(at, at + step)]];
}
const ramp = (y: number, x: number, k: number): number => 60 * y + 20 * x + 5 * k;
const rampOf = ([height, width, channels]: ImageShape): number[] =>
  Array.from({ length: height * width * channels }, (_, i) =>
    ramp(Math.floor(i / channels / width), Math.floor(i / channels) % width, i % channels),
  );

test('pixels are read as stored: grey, colour, palette and transparency', async () => {
  const [grey, colour, clear]: ImageShape[] = [
    [2, 3, 1],
    [2, 3, 3],
    [2, 3, 4],
  ];
  assert.deepEqual(await read(png(grey, ramp)), [grey, rampOf(grey)]);
  assert.deepEqual(await read(png(colour, ramp)), [colour, rampOf(colour)]);
  assert.deepEqual(await read(raw(colour, ramp).png({ palette: true, quality: 100 }).toBuffer()), [
    colour,
    rampOf(colour),
  ]);
  assert.deepEqual(await read(png(clear, ramp), { imageSize: '2x3x4' }), [clear, rampOf(clear)]);
  const opaque = png(clear, (y, x, k) => (k === 3 ? 255 : ramp(y, x, k)));
  assert.deepEqual(await read(opaque), [colour, rampOf(colour)]);
  assert.deepEqual(await read(png(colour, ramp), { imageSize: '2x3x4' }), [
    clear,
    rampOf(clear).map((value, i) => (i % 4 === 3 ? 255 : value)),
  ]);
});

test('grey images among coloured ones become colour, and coloured ones become grey if one channel is requested', async () => {
  const [, mixed] = await read(png([2, 3, 1], ramp), {}, png([2, 3, 3]));
  assert.deepEqual(
    mixed,
    rampOf([2, 3, 1]).flatMap((value) => [value, value, value]),
  );
  const [shape, made] = await read(png([2, 3, 3], ramp), { imageSize: '2x3x1' });
  assert.deepEqual(shape, [2, 3, 1]);
  assert.deepEqual(
    made,
    rampOf([2, 3, 1]).map((value) => Math.round(value + 0.587 * 5 + 0.114 * 10)),
  );
  assert.deepEqual((await read(png([2, 3, 1], ramp), { imageSize: '2x3x1' }))[1], rampOf([2, 3, 1]));
});

test('a JPEG is read within its losses, whatever its extension, and rotated as its camera says', async () => {
  for (const ending of ['jpg', 'JPEG', 'png']) {
    const [shape, values] = await read(jpeg([8, 8, 3], 90), {}, undefined, ending);
    assert.deepEqual(shape, [8, 8, 3]);
    assert.ok(values.every((value) => Math.abs(value - 90) <= 2));
  }
  // Stored as 8 rows of 16, dark on the left; rotating by a quarter clockwise puts the dark side at the top.
  const turned = raw([8, 16, 1], (_, x) => (x < 8 ? 20 : 220))
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  const [shape, values] = await read(turned);
  assert.deepEqual(shape.slice(0, 2), [16, 8]);
  assert.ok(values[0] < 60 && values.at(-1)! > 180);
});

test('images of any size are scaled to cover the requested size, and cropped in the middle', async () => {
  const files = {
    ...classes(['a', 'b'], 8, [40, 30, 3]),
    'a/wide.png': png([20, 60, 3], (_, x) => (x < 20 || x >= 40 ? 0 : 200)),
    'b/grey.jpg': jpeg([9, 7, 1], 200),
  };
  const data = await loadData(await folderOf(files), { imageSize: '20x20' });
  assert.deepEqual(data.train.shape, [20, 20, 3]);
  const all = [data.train, data.validation, data.test].flatMap(({ images, labels }) =>
    Array.from(labels, (_, i) => images.subarray(i * 1200, (i + 1) * 1200)),
  );
  assert.equal(all.length, 18);
  // The dark sides of the wide image are cropped.
  assert.equal(all.filter((image) => image.every((value) => value > 190)).length, 2);
});

const two = (shape: ImageShape = [4, 5, 1]): Files => classes(['a', 'b'], 6, shape);
const refused: [what: string, files: () => Files, message: RegExp, options?: DataOptions][] = [
  ['an empty folder', () => ({}), /must have a folder for each class.*, of two classes or more; .*things has none/],
  ['one class', () => classes(['cats'], 4), /two classes or more; .*things has only cats/],
  ['an empty class', () => ({ ...two(), 'c/': '' }), /A class must have images; .*things\/c is empty/],
  ['a class of hidden files alone', () => ({ ...two(), 'c/.x': 'x' }), /things\/c is empty/],
  ['an image beside the classes', () => ({ ...two(), 'x.png': png([4, 5, 1]) }), /x\.png is no folder of a class/],
  ['a table of labels', () => ({ ...two(), 'labels.csv': '0,1' }), /labels\.csv is no folder of a class/],
  [
    'a file of another kind',
    () => ({ ...two(), 'a/notes.txt': 'x' }),
    /\.png, \.jpg, \.jpeg\); .*a\/notes\.txt is something else/,
  ],
  ['a folder in a class', () => ({ ...two(), 'a/more/1.png': png([4, 5, 1]) }), /things\/a\/more is a folder/],
  [
    'text called PNG',
    () => ({ ...two(), 'a/z.png': 'hello' }),
    /a\/z\.png must be a whole PNG or JPEG image; .* unsupported/,
  ],
  ['an empty file', () => ({ ...two(), 'b/z.jpg': '' }), /b\/z\.jpg must be a whole PNG or JPEG/],
  [
    'half a PNG',
    () => ({ ...two([40, 50, 3]), 'b/z.png': png([40, 50, 3], ramp).then((b) => b.subarray(0, b.length / 2)) }),
    /b\/z\.png must be a whole/,
  ],
  [
    'half a JPEG',
    () => ({
      ...two([40, 50, 3]),
      'b/z.jpg': jpeg([40, 50, 3], (y, x) => y * x).then((b) => b.subarray(0, b.length - 60)),
    }),
    /b\/z\.jpg must be a whole/,
  ],
  [
    'a GIF called PNG',
    () => ({ ...two(), 'a/z.png': raw([4, 5, 3]).gif().toBuffer() }),
    /PNG or JPEG, whatever their names end in; .*a\/z\.png is GIF/,
  ],
  [
    '16 bits',
    () => ({ ...two(), 'a/z.png': raw([4, 5, 1]).toColourspace('grey16').png().toBuffer() }),
    /8 bits a value; .*a\/z\.png has 16/,
  ],
  [
    'transparent pixels',
    () => ({ ...two(), 'a/z.png': png([4, 5, 4]) }),
    /opaque; .*a\/z\.png has transparent pixels.*image_size=4x5x4/,
  ],
  [
    'mixed sizes',
    () => ({ ...two(), 'b/z.png': png([5, 4, 1]) }),
    /one size, height by width; .*\.png is (5x4|4x5), and .*\.png is (5x4|4x5)\. .*image_size=/,
  ],
  ['two channels', two, /1, 3 or 4 channels .* received 2/, { imageSize: '4x5x2' }],
  ['an invalid size', two, /HEIGHTxWIDTH .* received small/, { imageSize: 'small' }],
  ['another number of classes', two, /classes must be the number that things has, 2; received 3/, { classes: 3 }],
  ['too few images for the size', two, /sizes\.train .* at most 10 for things; received 11/, { sizes: { train: 11 } }],
  [
    'a part of another name',
    () => ({ ...classes(['a', 'b'], 4, undefined, 'train/'), ...classes(['a', 'b'], 2, undefined, 'testing/') }),
    /and nothing else; found .*testing/,
  ],
  [
    'two validation parts',
    () => ({
      ...classes(['a', 'b'], 4, undefined, 'train/'),
      ...classes(['a', 'b'], 2, undefined, 'val/'),
      ...classes(['a', 'b'], 2, undefined, 'validation/'),
    }),
    /nothing else; found .*validation/,
  ],
  [
    'a class that only test/ has',
    () => ({ ...classes(['a', 'b'], 4, undefined, 'train/'), ...classes(['a', 'b', 'c'], 2, undefined, 'test/') }),
    /same classes as .*train; .*test also has c/,
  ],
  [
    'a class that test/ lacks',
    () => ({ ...classes(['a', 'b', 'c'], 4, undefined, 'train/'), ...classes(['a', 'c'], 2, undefined, 'test/') }),
    /test has no b/,
  ],
];
for (const [what, files, message, options] of refused) {
  test(`a folder with ${what}: refused`, async () => {
    await assert.rejects(loadData(await folderOf(files()), options), { name: 'UserError', message });
  });
}

test('a broken link is named', async () => {
  const folder = await folderOf(two());
  symlinkSync(join(folder, 'nowhere'), join(folder, 'b', 'z.png'));
  await assert.rejects(loadData(folder), { name: 'UserError', message: /must be readable: .*b\/z\.png/ });
});

test('a path that is no folder is refused', async () => {
  const folder = await folderOf(two());
  await assert.rejects(loadData(join(folder, 'a', '0.png')), {
    name: 'UserError',
    message: /a folder of images by class/,
  });
  await assert.rejects(loadData(join(folder, 'missing')), { name: 'UserError', message: /received .*missing/ });
});
