import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { useBackend } from 'sparsebook/backend';
import { loadData } from 'sparsebook/data';
import { pretrainedGoogleNet, type L0Sweep } from 'sparsebook/experiments';
import { startRun } from 'sparsebook/experiments/startRun.js';
import { readSavedRun } from 'sparsebook/experiments/savedRun.js';
import type { Notebook } from 'sparsebook/notebook/run';
import { loadCheckpoint } from 'sparsebook/training';

const outputs = join('notebooks', 'outputs', '01-l0-googlenet');
const notebook = JSON.parse(readFileSync('notebooks/01-l0-googlenet.ipynb', 'utf8')) as Notebook;
const sources = notebook.cells.map(({ cell_type, source, metadata }) => ({
  code: cell_type === 'code',
  text: [source].flat().join(''),
  tags: metadata.tags ?? [],
}));

test('the notebook has at most 25 cells of at most 30 lines, and its settings in the second', () => {
  assert.ok(sources.length <= 25, `${sources.length} cells`);
  for (const { text } of sources) assert.ok(text.split('\n').length <= 30, text.slice(0, 60));
  assert.deepEqual(sources[1].tags, ['parameters']);
  for (const name of ['lambda_l0', 'droprate_init', 'lr_gates', 'target_sparsity', 'data']) {
    assert.match(sources[1].text, new RegExp(`^const ${name} = .* // `, 'm'));
  }
});

test('its cells hold calls: no classes, and no shorthand that the stock kernel cannot read', () => {
  for (const { text } of sources.filter(({ code }) => code)) {
    assert.doesNotMatch(text, /\bclass\b/);
    const outsideTexts = text.replaceAll(/\$\{[^}]*\}/g, '');
    assert.doesNotMatch(
      outsideTexts,
      /[{,]\s*(?:seed|images|epochs|lr|machine|results|title|lambda_l0|backend)\s*[,}]/,
    );
  }
});

await useBackend({ backend: 'simd', threads: 1 });

for (const [name, trainedOn, leastEpochs] of [
  ['pretrained-synthetic', /^synthetic shapes$/, 1],
  ['pretrained-cifar10', /^CIFAR-10/, 15],
] as const) {
  test(`${name} is whole, says what it was trained on and how, and gives its network`, async () => {
    const data = await loadData('synthetic', { seed: 77, sizes: { train: 16, validation: 40, test: 40 } });
    const { run, trainedOn: images, epochs } = await pretrainedGoogleNet(join(outputs, name), data);
    assert.match(images, trainedOn);
    assert.ok(epochs >= leastEpochs && run.settings.width === 1 && run.settings.without_using_gate);
    const { accuracy } = await run.evaluate('test');
    if (name === 'pretrained-synthetic') assert.ok(accuracy > 0.9, `${accuracy}`);
    run.dispose();
  });
}

test('shipped weights start other runs, and cannot be resumed', async () => {
  const path = join(outputs, 'pretrained-synthetic');
  const checkpoint = await loadCheckpoint(path);
  assert.doesNotMatch(JSON.stringify(checkpoint.settings), /work|home/);
  const saved = readSavedRun(checkpoint.settings, path);
  const data = await loadData('synthetic', { sizes: { train: 16, validation: 8, test: 8 } });
  const unsplit = { ...checkpoint, provenance: undefined };
  const resumed = { ...saved, settings: { ...saved.settings, resume_training: true } };
  await assert.rejects(startRun(resumed, data, unsplit), /of training with no optimizer, and cannot go on with AdamW/);
});

for (const file of ['sweep-synthetic.json', 'sweep-cifar10.json', 'sweep-cifar10-longer.json']) {
  test(`${file}: the higher lambda, the higher the sparsity; the target is met; each row says its budget`, () => {
    const { about, results } = JSON.parse(readFileSync(join(outputs, file), 'utf8')) as L0Sweep;
    assert.equal(about.runsPerSetting, 1);
    assert.ok(about.machine.length > 5 && about.sizes.train > 0);
    const of = (run: string) => results.find((result) => result.run === run)?.sparsity ?? NaN;
    const tuned = [10, 20, 30, 50].map((lambda) => of(`tune ${lambda}`));
    assert.ok(tuned.every(Number.isFinite));
    assert.deepEqual(
      tuned,
      [...tuned].sort((a, b) => a - b),
    );
    assert.ok(Math.abs(of('target 0.5') - 0.5) <= 0.03, `${of('target 0.5')}`);
  });
}
