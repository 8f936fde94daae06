import assert from 'node:assert/strict';
import { inflateSync } from 'node:zlib';
import { test } from 'node:test';
import sharp from 'sharp';
import * as plots from 'sparsebook';
import type { Figure, Trace } from 'sparsebook/plots/theme.js';
import { pullOfLoss } from 'sparsebook/plots/ista.js';
import { encodeIndexedPng, encodePng, palette } from 'sparsebook/plots/png.js';
import { ink, thin } from 'sparsebook/plots/theme.js';
import { UserError } from 'sparsebook/errors.js';
import { blockMasks, figures, imageSet, log, masks } from './sampleFigures.ts';

const trace = (figure: Figure, match: Record<string, unknown>): Trace => {
  const found = figure.data.find((t) => Object.entries(match).every(([key, value]) => t[key] === value));
  assert.ok(found, `no trace with ${JSON.stringify(match)}`);
  return found;
};
const numbers = (value: unknown): number[] => value as number[];
const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
/** The trapezoid rule. */
const area = (x: number[], y: number[]): number =>
  sum(x.slice(1).map((right, i) => ((right - x[i]) * (y[i] + y[i + 1])) / 2));

test('the density and the two point masses of every hard concrete distribution add up to 1', () => {
  const figure = plots.hardConcreteDensity({ logAlphas: [-2, 0.5, 3], temperatures: [0.5, 2 / 3] });
  const lines = figure.data.filter((t) => t.mode === 'lines');
  assert.equal(lines.length, 6);
  for (const line of lines) {
    const ends = figure.data.filter((t) => t.type === 'bar' && t.name === line.name).map((t) => numbers(t.y)[0]);
    assert.equal(ends.length, 2);
    const total = area(numbers(line.x), numbers(line.y)) + sum(ends);
    assert.ok(Math.abs(total - 1) < 1e-3, `${line.name as string}: ${total}`);
  }
});

test('all samples are counted, and they follow the closed form', () => {
  const figure = plots.hardConcreteSamples({ logAlpha: -1, samples: 20_000, seed: 7 });
  const bars = figure.data.filter((t) => t.type === 'bar');
  const [zero, between, one] = [0, 1, 2].map((i) => numbers(bars[i].y));
  assert.ok(Math.abs(zero[0] + sum(between) / 40 + one[0] - 1) < 1e-12);
  const line = trace(figure, { mode: 'lines' });
  between.forEach((height, i) => {
    // The middle of a bar is between two of the line's points.
    const exact = (numbers(line.y)[5 * i + 2] + numbers(line.y)[5 * i + 3]) / 2;
    // Five standard deviations of a count of 20,000 * exact / 40.
    assert.ok(Math.abs(height - exact) < 5 * Math.sqrt((exact * 40) / 20_000), `bar ${i}: ${height}, exact ${exact}`);
  });
});

test('the same seed draws the same samples, another seed draws others', () => {
  assert.deepEqual(plots.hardConcreteSamples({ seed: 3 }), plots.hardConcreteSamples({ seed: 3 }));
  assert.notDeepEqual(plots.hardConcreteSamples({ seed: 3 }).data, plots.hardConcreteSamples({ seed: 4 }).data);
});

test('a concrete gate passes 1/2 where the Bernoulli gate jumps', () => {
  const figure = plots.bernoulliToConcrete({ logAlpha: 1, temperatures: [0.5] });
  const jump = numbers(trace(figure, { name: 'Bernoulli (a step)' }).x)[1];
  assert.ok(Math.abs(jump - 1 / (1 + Math.E)) < 1e-12);
  const { x, y } = trace(figure, { name: 'concrete, β = 0.5' });
  const after = numbers(x).findIndex((u) => u > jump);
  assert.ok(numbers(y)[after - 1] < 0.5 && numbers(y)[after] > 0.5);
});

test('the penalty figure marks where a gate closes and opens for good', () => {
  const { layout } = plots.penaltyCurve();
  const marks = (layout.shapes as { x0: number }[]).map((shape) => shape.x0.toFixed(4));
  assert.deepEqual(marks, ['-2.3979', '2.3979']);
  const mask = trace(plots.penaltyCurve(), { name: 'mask after training' });
  numbers(mask.x).forEach((logAlpha, i) => {
    assert.equal(numbers(mask.y)[i] === 0, logAlpha < -2.3979);
    assert.equal(numbers(mask.y)[i] === 1, logAlpha > 2.3979);
  });
});

test('a long log is thinned to means, which preserve the average', () => {
  const values = Array.from({ length: 1000 }, (_, i) => Math.sin(i));
  const few = thin(values, 100);
  assert.equal(few.length, 100);
  assert.ok(Math.abs(sum(few) / 100 - sum(values) / 1000) < 1e-12);
  assert.deepEqual(thin([1, 2, 3], 100), [1, 2, 3]);
});

test('training curves show the terms of the loss, and each validation at the step after which it was made', () => {
  const figure = figures.trainingCurves;
  const total = numbers(trace(figure, { name: 'total loss' }).y);
  const parts = ['cross-entropy', 'λ × penalty'].map((name) => numbers(trace(figure, { name }).y));
  total.forEach((loss, i) => assert.ok(Math.abs(loss - parts[0][i] - parts[1][i]) < 1e-9));
  assert.deepEqual(trace(figure, { name: 'validation accuracy' }).x, [200, 400, 600]);
  assert.match(figure.layout.meta.alt, /600 training steps .* Validation accuracy after 3 epochs: 87\.8 %/);
});

test('a log without steps is drawn over epochs', () => {
  const figure = plots.trainingCurves(log.filter((event) => event.type === 'epoch'));
  assert.deepEqual(trace(figure, { name: 'validation accuracy' }).x, [1, 2, 3]);
  const { title, dtick } = figure.layout.xaxis as { title: object; dtick: number };
  assert.deepEqual(title, { text: 'training (epochs)', standoff: 8 });
  assert.equal(dtick, 1, 'no tick stands between two epochs');
});

test('the histogram of gates has separate bars for exactly 0 and exactly 1', () => {
  const figure = plots.gateHistogram(masks);
  assert.deepEqual(trace(figure, { name: 'closed' }).y, [4]);
  const between = trace(figure, { name: 'in between' });
  const some = numbers(between.y).flatMap((count, i) => (count > 0 ? [[numbers(between.x)[i], count]] : []));
  assert.deepEqual(some, [
    [0.275, 1],
    [0.775, 1],
  ]);
  assert.deepEqual(trace(figure, { name: 'open' }).y, [2]);
});

test('open gates are counted by layer', () => {
  assert.deepEqual(figures.gatesPerLayer.data[0].z, [
    [100, 75],
    [100, 0],
    [100, 50],
  ]);
});

test('example images are one of each class, in the order of the classes', () => {
  const figure = plots.exampleImages(imageSet);
  assert.deepEqual(figure.data[0].text, ['plane', 'car', 'bird']);
  assert.deepEqual(plots.exampleImages(imageSet, { count: 4 }).data[0].text, ['plane', 'car', 'bird', 'car']);
});

test('example images of any size and number of channels are drawn completely', async () => {
  const shapes = [
    [28, 28, 1],
    [64, 48, 3],
    [4, 6, 4],
    [9, 8, 2],
    [8, 8, 5],
    [300, 200, 3],
  ] as const;
  for (const shape of shapes) {
    const [height, width, channels] = shape;
    const images = Uint8Array.from({ length: 2 * height * width * channels }, (_, i) => (i * 7) % 256);
    const figure = plots.exampleImages({ shape, images, labels: [0, 1], classNames: ['a', 'b'] });
    assert.match(figure.layout.meta.alt, new RegExp(`2 images of ${height} x ${width} pixels`));
    const { source } = (figure.layout.images as { source: string }[])[1];
    const { data, info } = await sharp(Buffer.from(source.slice(source.indexOf(',') + 1), 'base64'))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const zoom = Math.max(1, Math.ceil(128 / Math.max(height, width)));
    assert.deepEqual([info.height, info.width], [height * zoom, width * zoom]);
    // The pixel in the last row and column, at the centre of its square.
    const at = (info.height - 1) * info.width + info.width - 1;
    const last = images.subarray(images.length - channels);
    const wanted = channels < 3 ? [last[0], last[0], last[0]] : last.slice(0, channels === 4 ? 4 : 3);
    assert.deepEqual([...data.subarray(at * info.channels, (at + 1) * info.channels)], [...wanted]);
  }
});

test('example images with too few bytes are refused with the numbers', () => {
  const broken = { ...imageSet, images: imageSet.images.subarray(1) };
  assert.throws(
    () => plots.exampleImages(broken),
    (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /must have 32 x 32 x 3 = 3072 bytes an image; received 12287 bytes and 4 labels/);
      return true;
    },
  );
});

test('a PNG contains the given pixels', () => {
  const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  const png = encodePng(pixels, 2, 2, 3);
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [2, 2]);
  const length = png.readUInt32BE(33);
  assert.deepEqual([...inflateSync(png.subarray(41, 41 + length))], [0, 1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12]);
});

test('an image of few colours keeps each of them, and its PNG stores their indices', () => {
  const [red, white] = [
    [250, 1, 2, 255],
    [255, 255, 255, 255],
  ];
  const few = palette(Uint8Array.from([red, white, white, red].flat()));
  assert.deepEqual(few, { indices: Uint8Array.of(0, 1, 1, 0), colours: Uint8Array.of(250, 1, 2, 255, 255, 255) });
  const every = palette(Uint8Array.from(Array.from({ length: 256 }, (_, i) => [i, i, i, 255]).flat()));
  assert.deepEqual([...(every?.colours ?? [])], Array.from({ length: 256 }, (_, i) => [i, i, i]).flat());
  const png = encodeIndexedPng(few.indices, few.colours, 2, 2);
  assert.equal(png[25], 3, 'indexed colour');
  assert.equal(png.toString('latin1', 37, 41), 'PLTE');
  assert.deepEqual([...png.subarray(41, 47)], [...few.colours]);
  const data = png.indexOf('IDAT');
  const length = png.readUInt32BE(data - 4);
  assert.deepEqual([...inflateSync(png.subarray(data + 4, data + 4 + length))], [0, 0, 1, 0, 1, 0]);
});

test('shades are merged until 256 colours suffice; a photograph and a transparent image are left alone', () => {
  const image = (of: (i: number) => number[]): Uint8Array =>
    Uint8Array.from(Array.from({ length: 4096 }, (_, i) => of(i)).flat());
  const greys = palette(image((i) => [i & 255, i & 255, (i & 255) ^ (i >> 11), 255]));
  assert.ok(greys && greys.colours.length <= 3 * 256);
  greys.indices.forEach((index, i) => {
    assert.ok(Math.abs(greys.colours[3 * index] - (i & 255)) <= 9, `pixel ${i}`);
  });
  assert.deepEqual(
    [...greys.indices].filter((index, i) => (i & 255) === 0 && i < 2048 && greys.colours[3 * index] !== 0),
    [],
    'black stays black',
  );
  assert.equal(palette(image((i) => [(i & 15) * 17, ((i >> 4) & 15) * 17, (i >> 8) * 17, 255])), undefined);
  assert.equal(palette(image(() => [1, 2, 3, 254])), undefined);
});

test('the Monte Carlo estimate of the penalty agrees with the closed form within four standard errors', () => {
  for (const logAlpha of [-3, -1, 0, 2]) {
    const { estimate, exact, error, distance } = plots.estimateOpen({ logAlpha, samples: 40_000, seed: 5 });
    // sigmoid(log alpha - 2/3 ln(0.1 / 1.1))
    assert.ok(Math.abs(exact - 1 / (1 + Math.exp(-logAlpha) * 11 ** (-2 / 3))) < 1e-12);
    assert.equal(distance, Math.abs(estimate - exact) / error);
    assert.ok(distance < 4, `log alpha ${logAlpha}: ${estimate} instead of ${exact}`);
  }
});

test('the two sliders of the hard concrete distribution combine: one selects a temperature, the other moves log alpha for all', () => {
  const figure = plots.hardConcreteSlider();
  type Slider<T> = { active: number; steps: { label: string; args: [string, T[]] }[] };
  const [logAlpha, beta] = figure.layout.sliders as [Slider<number[]>, Slider<boolean>];
  assert.deepEqual(
    logAlpha.steps.map(({ label }) => label),
    ['−4', '−3', '−2', '−1', '0', '1', '2', '3', '4'],
  );
  const y = logAlpha.steps[2].args[1];
  // P(mask = 0) at log alpha -2 and each temperature, and a density with as many points as are drawn.
  [0.2, 1 / 3, 2 / 3, 1, 1.5].forEach((temperature, i) => {
    assert.equal(y[3 * i][0], Number((1 / (1 + Math.exp(-2) * 11 ** temperature)).toPrecision(4)));
    assert.equal(y[3 * i + 1].length, numbers(figure.data[3 * i + 1].x).length);
  });
  assert.deepEqual(
    logAlpha.steps[logAlpha.active].args[1],
    figure.data.map((t) => t.y),
  );
  assert.deepEqual(
    beta.steps[beta.active].args[1],
    figure.data.map((t) => t.visible),
  );
  assert.deepEqual(beta.steps[0].args[1].slice(0, 6), [true, true, true, false, false, false]);
});

test('runs of a group are joined by a line, starting at the least sparse; runs without a group are not', () => {
  const point = (label: string, sparsity: number, group?: string) => ({ label, sparsity, accuracy: 0.9, group });
  const runs = [point('b', 0.6, 'tuned'), point('a', 0.3, 'tuned'), point('c', 0.5, 'scratch'), point('d', 0)];
  const [tuned, scratch, alone] = plots.accuracyAgainstSparsity(runs, { name: 'dense' }).data;
  assert.deepEqual([tuned.name, tuned.text, tuned.mode], ['tuned', ['a', 'b'], 'lines+markers+text']);
  assert.equal(scratch.name, 'scratch');
  assert.deepEqual([alone.name, alone.mode], ['dense', 'markers+text']);
});

test("a block's diagram shows the masks of its branches, and a block without branches is refused", () => {
  const figure = plots.inceptionBlock(blockMasks, { block: 2 });
  assert.deepEqual(
    figure.data.slice(0, 4).map((gates) => (gates.z as (number | null)[][]).flat().filter((value) => value !== null)),
    [...blockMasks.values()].map((mask) => [...mask]),
  );
  assert.match(figure.layout.meta.alt, /Open: 1x1 1 of 2, 3x3 2 of 3, 5x5 0 of 2 and pool 1 of 1\./);
  assert.throws(() => plots.inceptionBlock(blockMasks, { block: 3 }), UserError);
});

test('the pull of a loss is its derivative by the correct logit', () => {
  const softmax = (z: number[]): number[] => {
    const all = sum(z.map(Math.exp));
    return z.map((value) => Math.exp(value) / all);
  };
  for (const scale of [undefined, 1, 10]) {
    const loss = (z: number[]): number =>
      -Math.log(softmax(scale === undefined ? z : softmax(z).map((p) => scale * p))[0]);
    for (const difference of [-6, -1, 0, 2, 6]) {
      // The other eight logits are so small that their classes have no probability.
      const at = (right: number): number => loss([right, 0, ...Array<number>(8).fill(-40)]);
      const slope = (at(difference + 1e-4) - at(difference - 1e-4)) / 2e-4;
      const pull = pullOfLoss(1 / (1 + Math.exp(-difference)), scale);
      assert.ok(Math.abs(pull + slope) < 1e-6, `${scale}, ${difference}: ${pull} and ${slope}`);
    }
  }
});

test('a layer without a gradient leaves a gap on a logarithmic scale', () => {
  const { x, y } = trace(figures.gradientsPerLayer, { name: 'logits' });
  assert.deepEqual(x, ['stem', 'stage1 block1 first', 'logits']);
  assert.deepEqual(y, [2, null, 0.5]);
});

test('several runs with the same share are a mean with a bar from the lowest to the highest', () => {
  const [curve] = figures.accuracyByPruning.data;
  assert.deepEqual(numbers(curve.x), [50, 90]);
  const { array, arrayminus } = curve.error_y as Record<string, number[]>;
  [numbers(curve.y), array, arrayminus].forEach((values, i) =>
    values.forEach((value, j) =>
      assert.ok(
        Math.abs(
          value -
            [
              [85, 50],
              [5, 0],
              [5, 0],
            ][i][j],
        ) < 1e-9,
      ),
    ),
  );
  assert.match(
    figures.accuracyByPruning.layout.meta.alt,
    /at once 85\.0 % at 50\.0 % and 50\.0 % at 90\.0 %; whole 90\.0 %\.$/,
  );
});

test('a way of pruning that was not tried is left out', () => {
  const points = [{ pruned: 0.5, accuracies: [0.8] }];
  const { data } = plots.accuracyByPruning([
    { name: 'tried', points },
    { name: 'untried', points: [] },
  ]);
  assert.deepEqual(
    data.map(({ name }) => name),
    ['tried'],
  );
});

test('accuracy against cost: one line per method from its smallest network on, peers in grey, and nothing that was not run', () => {
  const { data, layout } = figures.accuracyAgainstCost;
  assert.deepEqual(
    data.map(({ name, x, y }) => [name, numbers(x).map(Math.round), y]),
    [
      ['dense', [80], [90]],
      ['L0 gates', [16, 48], [70, 85]],
      ['narrower network', [24], [60]],
    ],
  );
  const colours = data.map(({ line }) => (line as { color: string }).color);
  assert.deepEqual([colours[0], colours[2]], [ink, ink]);
  assert.notEqual(colours[1], ink);
  const { array, arrayminus } = data[1].error_y as { array: number[]; arrayminus: number[] };
  for (const length of [...array, ...arrayminus]) assert.ok(Math.abs(length - 1) < 1e-9);
  assert.match(layout.meta.alt, /L0 gates from 85\.0 % at 48 to 70\.0 % at 16/);
  assert.match(figures.costsBeforeTheFirstRun.layout.meta.alt, /no run is finished yet/);
});
