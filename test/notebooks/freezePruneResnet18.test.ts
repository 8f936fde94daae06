import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { useBackend } from 'sparsebook/backend';
import { loadData } from 'sparsebook/data';
import { freezePruneResnet18, type FreezePruneSweep } from 'sparsebook/experiments';
import { safetensorsMetadata } from 'sparsebook/formats';
import { runNotebook, type Notebook } from 'sparsebook/notebook/run';

const file = 'notebooks/04-freeze-prune-resnet18.ipynb';
const outputs = join('notebooks', 'outputs', '04-freeze-prune-resnet18');
const read = (path: string): Notebook => JSON.parse(readFileSync(path, 'utf8')) as Notebook;
const sources = read(file).cells.map(({ cell_type, source, metadata }) => ({
  code: cell_type === 'code',
  text: [source].flat().join(''),
  tags: metadata.tags ?? [],
}));

test('the notebook has at most 25 cells of at most 30 lines, and its settings in the second', () => {
  assert.ok(sources.length <= 25, `${sources.length} cells`);
  for (const { text } of sources) assert.ok(text.split('\n').length <= 30, text.slice(0, 60));
  assert.deepEqual(sources[1].tags, ['parameters']);
  for (const name of ['shares', 'far', 'softmax_scale', 'weights', 'width', 'data']) {
    assert.match(sources[1].text, new RegExp(`^const ${name} = .* // `, 'm'));
  }
});

test('its cells hold calls: no classes, and no shorthand that the stock kernel cannot read', () => {
  for (const { text } of sources.filter(({ code }) => code)) {
    assert.doesNotMatch(text, /\bclass\b/);
    const outsideTexts = text.replaceAll(/\$\{[^}]*\}/g, '').replaceAll(/'[^'\n]*'/g, "''");
    assert.doesNotMatch(outsideTexts, /[{,]\s*(?:seed|images|epochs|lr|machine|results|title|width|backend)\s*[,}]/);
  }
});

test('it runs from its first cell to its last with settings of seconds, and says what it shows', async () => {
  // A folder of its own within the project, since a notebook saves beside itself.
  const folder = mkdtempSync(join('notebooks', 'running-'));
  try {
    const notebook = join(folder, '04.ipynb');
    cpSync(file, notebook);
    cpSync(outputs, join(folder, 'outputs', '04-freeze-prune-resnet18'), { recursive: true });
    const parameters = { train_size: 64, test_size: 32, epochs: 2, epochs_scratch: 1, backend: 'simd' };
    const result = await runNotebook({ notebook, parameters });
    const cells = result.notebook.cells.filter((cell) => cell.cell_type === 'code');
    assert.equal(result.fault, undefined);
    const said = (id: string): string => JSON.stringify(cells.find((cell) => cell.id === id)!.outputs);
    assert.match(said('freeze-train'), /entries of the frozen stem that changed in training: 0/);
    assert.match(said('prune-train'), /prune 30 % from 30\.0 % to 30\.0 %/);
    assert.match(said('unfreeze-train'), /unfreeze 10 % from 10\.0 % to \d\.\d %/);
    assert.match(said('results-table'), /ticket 95 %/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

await useBackend({ backend: 'simd', threads: 1 });

for (const [name, trainedOn, least] of [
  ['synthetic', /^synthetic shapes$/, 0.9],
  ['cifar10', /^CIFAR-10/, 0.5],
] as const) {
  test(`the stored network of ${name} says what it was trained on, and is the body of a narrow ResNet-18`, async () => {
    const path = join(outputs, `pretrained-${name}.safetensors`);
    const about = safetensorsMetadata(readFileSync(path), path);
    assert.match(about.data, trainedOn);
    assert.ok(Number(about.validation) > least && Number(about.epochs) > 0 && about.machine.length > 5);
    const data = await loadData('synthetic', { sizes: { train: 8, validation: 8, test: 8 } });
    const run = await freezePruneResnet18(data, { width: Number(about.width), weights: path });
    assert.ok(Number.isFinite((await run.evaluate('test')).loss));
    run.dispose();
    await assert.rejects(
      freezePruneResnet18(data, { width: 0.25, weights: path }),
      /has the shape \[8, 3, 7, 7\], not \[16,/,
    );
  });
}

for (const name of ['sweep-synthetic.json', 'sweep-cifar10.json'].filter((file) => existsSync(join(outputs, file)))) {
  test(`${name} holds the mask, frees it where it says so, and says its budget`, () => {
    const { about, records } = JSON.parse(readFileSync(join(outputs, name), 'utf8')) as FreezePruneSweep;
    assert.ok(about.machine.length > 5 && about.sizes.train > 0 && about.settings.width);
    for (const { task, epochs, sparsity, zeros } of records) {
      const [first, end] = [epochs[0].sparsity, epochs[epochs.length - 1].sparsity];
      assert.equal(Object.keys(zeros).length, 22, task);
      if (/^(prune|ticket)/.test(task)) assert.ok(epochs.every((each) => each.sparsity === first) && first > 0, task);
      else if (task.startsWith('unfreeze')) assert.ok(end < first && sparsity < first, task);
      else if (task.startsWith('gradually')) assert.ok(end > first, task);
      else assert.equal(end, 0, task);
    }
  });
}
