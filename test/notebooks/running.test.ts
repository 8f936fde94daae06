// Notebooks as they run: finished runs are not trained again, and the longest of our notebooks runs from its first cell
// to its last.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findKernelSpec } from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { KernelClient } from 'sparsebook/notebook/kernel/client/kernelClient.js';
import { runNotebook } from 'sparsebook/notebook/run/runNotebook.js';
import type { GivenValue } from 'sparsebook/notebook/run/parameters.js';
import type { Notebook } from 'sparsebook/notebook/run/notebook.js';
import { schemaErrors } from '../notebook/run/nbformat.ts';
import { fixtures, runFixture } from '../notebook/run/runs.ts';

// Runs are kept in a separate folder; kernels inherit the environment.
const folder = mkdtempSync(join(tmpdir(), 'sparsebook-notebooks-'));
process.env.SPARSEBOOK_DATA = folder;
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** All texts in the outputs of a notebook's cells, cell by cell. */
const textsOf = ({ cells }: Notebook): Record<string, string> =>
  Object.fromEntries(
    cells.map((cell) => [
      cell.id,
      (cell.cell_type === 'code' ? cell.outputs : [])
        .flatMap((output) => {
          if (output.output_type === 'stream') return output.text;
          return 'data' in output ? (output.data['text/plain'] as string | string[]) : [];
        })
        .join(''),
    ]),
  );

test('a notebook that runs again loads its runs; after a change, only affected runs are trained', async () => {
  const runs = join(folder, 'runs');
  /** The log of each run: a newly trained run has a new log. */
  const logs = (): string[] => readdirSync(runs).map((run) => readFileSync(join(runs, run, 'metrics.jsonl'), 'utf8'));
  const kernel = await KernelClient.start({ spec: findKernelSpec('tslab'), cwd: fixtures });
  const texts = async (parameters: Record<string, GivenValue> = {}): Promise<Record<string, string>> => {
    const result = await runFixture('runs', { parameters, kernel });
    assert.equal(result.fault, undefined);
    return textsOf(result.notebook);
  };
  try {
    const loaded = /loaded: trained on \d{4}-\d\d-\d\d \d\d:\d\d UTC; again=true trains it anew/;
    const first = await texts();
    assert.doesNotMatch(JSON.stringify(first), loaded);
    const trained = logs();
    assert.equal(trained.length, 3);

    const second = await texts();
    assert.match(second.dense, loaded);
    for (const name of ['lambda 5', 'tuned']) assert.match(second.gated, new RegExp(`${name}: .*${loaded.source}`));
    assert.equal(second.table, first.table);
    assert.deepEqual(logs(), trained);

    const changed = await texts({ lambda: 6 });
    assert.match(changed.dense, loaded);
    assert.doesNotMatch(changed.gated, loaded);
    const anew = logs().filter((log) => !trained.includes(log));
    assert.equal(anew.length, 2, 'the run with gates, and the one that starts from it');
  } finally {
    await kernel.shutdown();
  }
});

/** Runs one of our notebooks with settings that take seconds, and returns the texts of its cells. */
async function said(name: string, parameters: Record<string, GivenValue>): Promise<Record<string, string>> {
  // A folder within the project, because a notebook imports the package and saves beside itself.
  const beside = mkdtempSync(join('notebooks', 'running-'));
  try {
    const notebook = join(beside, `${name}.ipynb`);
    cpSync(join('notebooks', `${name}.ipynb`), notebook);
    cpSync(join('notebooks', 'outputs', name), join(beside, 'outputs', name), { recursive: true });
    const result = await runNotebook({ notebook, parameters: { data: 'synthetic', backend: 'simd', ...parameters } });
    assert.equal(result.fault, undefined);
    assert.deepEqual(schemaErrors(result.notebook), []);
    const texts = textsOf(result.notebook);
    assert.doesNotMatch(JSON.stringify(texts), /NaN|undefined/);
    return texts;
  } finally {
    rmSync(beside, { recursive: true });
  }
}

test('notebook 05 runs from its first cell to its last: trained networks are compared, and missing ones are marked', async () => {
  const small = {
    left: [0.5],
    l1_penalties: [1],
    widths: [0.5],
    width: 0.125,
    train_size: 32,
    test_size: 16,
    epochs: 1,
  };
  const texts = await said('05-compare', small);
  assert.match(texts['answer-figures'], /ResNet-20: \d+ of 96 runs are there/);
  for (const row of ['L0 gates, 50 % left', 'orthogonality of channels, 50 % left', 'narrower network, width 50 %']) {
    assert.match(texts['results-table'], new RegExp(`${row} +1 .*\\d`), row);
  }
  assert.match(texts.summary, /time for 128 images +40/);
});
