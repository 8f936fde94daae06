import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { IstaProtocol, IstaSweep } from 'sparsebook/experiments';
import { cellsOf, compilerErrors } from './cells.ts';

const cells = cellsOf('02-ista-resnet20');
const outputs = join('notebooks', 'outputs', '02-ista-resnet20');
const read = <T>(file: string): T => JSON.parse(readFileSync(join(outputs, file), 'utf8')) as T;

test('the notebook has at most 25 cells of at most 30 lines, its settings in the second, and no class', () => {
  assert.ok(cells.length <= 25, `${cells.length} cells`);
  for (const { text } of cells) assert.ok(text.split('\n').length <= 30, text.slice(0, 60));
  assert.deepEqual(cells[1].tags, ['parameters']);
  for (const name of ['l1_penalty', 'weight_decay', 'prune_steps', 'width', 'data', 'seed']) {
    assert.match(cells[1].text, new RegExp(`^const ${name} = .* // `, 'm'));
  }
  for (const { text } of cells.filter(({ code }) => code)) assert.doesNotMatch(text, /\bclass\b/);
});

test('its cells compile as one program, and no cell uses what only a later one has', () => {
  assert.deepEqual(compilerErrors(cells), []);
  const unknown = [
    { code: true, text: "import * as sb from 'sparsebook';\nsb.istaResnet18();", tags: [], outputs: [] },
  ];
  assert.match(compilerErrors(unknown).join(), /istaResnet18/);
});

test('it is saved as it ran: every code cell without an error, pictures and the log line among the outputs', () => {
  const saved = JSON.stringify(cells.map((cell) => cell.outputs));
  assert.doesNotMatch(saved, /"output_type":"error"/);
  assert.match(saved, /image\/png/);
  assert.match(
    saved,
    /step \d+, loss = \d\.\d\d, group lasso = \d+\.\d\d, fake sparsity = 0\.\d\d, \(\d+\.\d examples\/sec/,
  );
  assert.match(saved, /Largest difference of logits, masked against compact/);
  assert.ok(statSync('notebooks/02-ista-resnet20.ipynb').size < 2e6);
});

test('the saved protocol is whole: what closed is what compaction removed, and the accuracies fit together', () => {
  const { about, versions, compaction, compacted, change, compactions } = read<IstaProtocol>('protocol-cifar10.json');
  assert.match(about.data, /^CIFAR-10/);
  assert.deepEqual(
    versions.map(({ version }) => version),
    [0, 1, 2],
  );
  for (const [layer, gammas] of Object.entries(versions[1].log.at(-1)!.gammas)) {
    const { before, after } = compaction!.widths.find((width) => width.layer === layer)!;
    assert.deepEqual([before, after], [gammas.length, gammas.filter((gamma) => gamma !== 0).length], layer);
  }
  const { parameters, difference } = compaction!.report;
  assert.equal(parameters.dense, 279716);
  assert.equal(parameters.compact, versions[2].result.parameters);
  assert.ok(difference.relative < 1e-5);
  const test = versions.map(({ result }) => Number(result['test, %']) / 100);
  assert.ok(Math.abs(compacted!.test - test[1]) < 0.002);
  assert.ok(Math.abs(compacted!.test + change!.change - test[2]) < 1e-4);
  assert.equal(compactions![0].parameters, parameters.compact);
  assert.ok(Number(compactions![0]['difference of logits']) < 1e-5);
});

for (const file of ['sweep-cifar10.json'].filter((name) => existsSync(join(outputs, name)))) {
  test(`${file}: no penalty closes nothing, and a higher one closes more`, () => {
    const { runs } = read<IstaSweep>(file);
    const usual = runs.filter(({ weight_decay }) => weight_decay === 5e-4).sort((a, b) => a.l1_penalty - b.l1_penalty);
    assert.ok(usual.length >= 3);
    usual.slice(1).forEach(({ fakeSparsity }, i) => assert.ok(fakeSparsity >= usual[i].fakeSparsity));
    assert.equal(usual[0].fakeSparsity, 0);
    assert.ok(usual.at(-1)!.fakeSparsity > 0.1);
  });
}
