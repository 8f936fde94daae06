import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ReprSweep } from 'sparsebook/experiments';
import { reprEpoch } from 'sparsebook/sparsity';
import { runNotebook, type Notebook } from 'sparsebook/notebook/run';
import { schemaErrors } from '../notebook/run/nbformat.ts';
import { saved, scratchFile } from '../notebook/run/runs.ts';

const file = 'notebooks/03-repr-c3.ipynb';
const outputs = join('notebooks', 'outputs', '03-repr-c3');
const cells = saved(file).cells.map(({ cell_type, source, metadata }) => ({
  code: cell_type === 'code',
  text: [source].flat().join(''),
  tags: metadata.tags ?? [],
}));

test('the notebook has at most 25 cells of at most 30 lines, and its settings in the second', () => {
  assert.ok(cells.length <= 25, `${cells.length} cells`);
  for (const { text } of cells) assert.ok(text.split('\n').length <= 30, text.slice(0, 60));
  assert.deepEqual(cells[1].tags, ['parameters']);
  for (const name of ['S1', 'S2', 'epochs', 'prune_ratio', 'width', 'lr', 'seeds', 'seed', 'data']) {
    assert.match(cells[1].text, new RegExp(`^const ${name} = .* // `, 'm'));
  }
});

test('its cells hold calls: no classes, and no shorthand that the stock kernel cannot read', () => {
  for (const { text } of cells.filter(({ code }) => code)) {
    assert.doesNotMatch(text, /\bclass\b/);
    const outsideTexts = text.replaceAll(/\$\{[^}]*\}/g, '');
    assert.doesNotMatch(outsideTexts, /[{,]\s*(?:S1|S2|seed|seeds|crop|images|epochs|lr|machine|title|backend)\s*[,}]/);
  }
});

/** All text and every figure's title in a saved notebook. */
function shownIn(notebook: Notebook): { text: string; titles: string[] } {
  const outputs = notebook.cells.flatMap((cell) => (cell.cell_type === 'code' ? cell.outputs : []));
  const texts = outputs.flatMap((output) => {
    if (output.output_type === 'stream') return [output.text].flat();
    return 'data' in output ? [output.data['text/plain'] as string | string[]].flat() : [];
  });
  const figures = outputs.flatMap((output) =>
    'data' in output ? [output.data['application/vnd.plotly.v1+json']] : [],
  );
  const titles = figures.flatMap((figure) =>
    figure ? [(figure as { layout: { title: { text: string } } }).layout.title.text] : [],
  );
  return { text: texts.join(''), titles };
}

test('it runs from the first cell to the last, on a few images', async () => {
  const output = scratchFile('03.ipynb');
  const parameters = {
    data: 'synthetic',
    train_size: 48,
    test_size: 32,
    width: 0.125,
    S1: 1,
    S2: 1,
    epochs: 3,
    seeds: 2,
  };
  const result = await runNotebook({ notebook: file, output, parameters: { ...parameters, backend: 'simd' } });
  assert.ok(result.ok, JSON.stringify(result.fault));
  const notebook = saved(output);
  assert.deepEqual(schemaErrors(notebook), []);
  const { text, titles } = shownIn(notebook);
  for (const title of ['The cycle', 'Standard and RePr', 'Filters on and off', 'Test accuracy, n = 2 each']) {
    assert.ok(
      titles.some((shown) => shown.startsWith(title)),
      title,
    );
  }
  assert.match(text, /RePr, no crop minus standard, no crop: .* points \(n = 2, 95 %\)/);
  assert.doesNotMatch(text, /NaN|undefined/);
});

for (const name of ['runs-cifar10.json', 'variants-cifar10.json'].filter((name) => existsSync(join(outputs, name)))) {
  test(`${name}: every run says its data, machine, settings and seed, and its filters went off on schedule`, () => {
    const { runs } = JSON.parse(readFileSync(join(outputs, name), 'utf8')) as ReprSweep;
    assert.ok(runs.length > 0);
    assert.equal(new Set(runs.map(({ run, settings }) => `${run}, ${settings.seed}`)).size, runs.length);
    for (const { data, machine, images, settings, epochs, prunings, best, last } of runs) {
      assert.match(data, /^CIFAR-10/);
      assert.match(machine, /^simd: .*Node/);
      assert.ok(images.train >= 1000 && images.test === 10_000);
      assert.equal(epochs.length, settings.epochs);
      assert.equal(best.validation.toFixed(3), Math.max(...epochs.map(({ validation }) => validation)).toFixed(3));
      const due = epochs.filter(({ epoch }) => !settings.standard && reprEpoch(epoch - 1, settings).prunes);
      assert.deepEqual(
        prunings.map(({ epoch }) => epoch),
        due.map(({ epoch }) => epoch),
      );
      for (const { filters } of prunings) {
        const all = Object.values(filters).join('');
        const off = [...all].filter((on) => on === '0').length / all.length;
        assert.ok(Math.abs(off - settings.prune_ratio) < 0.05, `${off}`);
      }
      assert.ok(best.test > 0.3 && last.test > 0.1);
    }
  });
}
