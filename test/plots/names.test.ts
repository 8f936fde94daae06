import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accuracyIntervals } from 'sparsebook/plots/accuracy.js';
import { gatesPerLayer } from 'sparsebook/plots/gates.js';
import { gradientsPerLayer, widthsPerLayer, zerosPerLayer } from 'sparsebook/plots/perLayer.js';
import { reprCurves } from 'sparsebook/plots/repr.js';
import { inLines } from 'sparsebook/plots/theme.js';
import { curvesOverEpochs } from 'sparsebook/plots/training.js';

const layers = ['1', '2', 'conv', 'conv_conv', 'a<b>', '2024-05-01'];
const escaped = layers.map((layer) => layer.replace('<', '&lt;').replace('>', '&gt;'));

test('layers whose names look like numbers, dates or one another each have their own place', () => {
  const kernels = layers.map((layer) => `${layer}/kernel`);
  const masks = new Map(layers.map((layer) => [layer, Float32Array.of(0, 1)]));
  const zeros = zerosPerLayer([{ name: 'tuned', shares: new Map(kernels.map((kernel) => [kernel, 0.5])) }]);
  const gradients = gradientsPerLayer([
    { name: 'loss', gradients: kernels.map((kernel) => ({ kernel, norm: 1, still: 0 })) },
  ]);
  const widths = widthsPerLayer(layers.map((layer) => ({ layer, before: 4, after: 2 })));
  const gates = gatesPerLayer([{ epoch: 1, masks }]);
  const wholeNames = escaped.map((layer) => `${layer}/kernel`);
  for (const [figure, axis, places] of [
    [zeros, 'x', wholeNames],
    [gradients, 'x', wholeNames],
    [widths, 'x', escaped],
    [gates, 'y', escaped.map((layer) => layer.replaceAll('_', ' '))],
  ] as const) {
    assert.deepEqual(figure.data[0][axis], places);
    assert.equal((figure.layout[`${axis}axis`] as { type: string }).type, 'category');
  }
});

test('layers are shown by their short names if these are unique', () => {
  const shares = new Map([
    ['stage1_first_conv/kernel', 0.5],
    ['logits/kernel', 0.1],
  ]);
  assert.deepEqual(zerosPerLayer([{ name: 'tuned', shares }]).data[0].x, ['stage1 first', 'logits']);
});

test('a text is broken between words, and only if it is too long', () => {
  assert.equal(inLines('a b c', 5), 'a b c');
  assert.equal(inLines('one two three four', 8), 'one two<br>three<br>four');
  assert.equal(inLines('unbreakable word', 4), 'unbreakable<br>word');
});

test('names of runs that would take the space of the plot are below it, in lines, and the figure is higher', () => {
  const drawn = (name: string) =>
    curvesOverEpochs([1, 2].map((seed) => ({ name: `${name} ${seed}`, epochs: [1], shares: [1] })));
  const [short, long] = [drawn('seed'), drawn('a setting=0.1 '.repeat(12))];
  assert.equal((short.layout.legend as { orientation: string }).orientation, 'v');
  assert.equal((long.layout.legend as { orientation: string }).orientation, 'h');
  assert.deepEqual(
    long.data.map(({ name }) => name!.split('<br>').every((line) => line.length <= 90) && name!.split('<br>').length),
    [2, 2],
  );
  assert.equal(long.layout.height - short.layout.height, 80);
});

test('long names of lines are broken too', () => {
  const line = 'a setting=0.1 '.repeat(6).trim();
  const { layout } = accuracyIntervals([{ line, series: 'test', n: 1, mean: 0.5, halfWidth: null }]);
  const [written] = (layout.yaxis as { ticktext: string[] }).ticktext;
  assert.equal(written.replaceAll('<br>', ' '), line);
  assert.ok(written.split('<br>').every((part) => part.length <= 40));
});

test('curves of several seeds extend to the longest of them, whichever comes first', () => {
  const run = (length: number) => ({
    name: 'RePr',
    history: {
      epochs: Array.from({ length }, (_, i) => ({
        epoch: i + 1,
        phase: null,
        train: 0.5,
        validation: 0.1 * length,
        overlap: {},
      })),
    },
  });
  const { data, layout } = reprCurves([run(2), run(4)]);
  const validation = data.find(({ name }) => name === 'RePr, validation')!;
  assert.deepEqual(validation.x, [1, 2, 3, 4]);
  assert.deepEqual((validation.y as number[]).map(Math.round), [30, 30, 40, 40]);
  assert.deepEqual((layout.xaxis as { range: number[] }).range, [0.5, 4.5]);
});
