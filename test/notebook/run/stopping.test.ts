import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { schemaErrors } from './nbformat.ts';
import { fixtures, kernelsOf, outputsOf, printed, saved, scratchFile } from './runs.ts';
import { sparsebook } from '../../sparsebook.ts';

/** The folder for connection files of some runs' kernels, used by no other process. */
const temporaryFolder = scratchFile('tmp');
mkdirSync(temporaryFolder);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

/** Starts a run of a fixture and waits until its second cell runs, and a moment longer for its output. */
async function inTheFaultyCell(
  name: string,
  output: string,
  env: Record<string, string> = {},
): Promise<ReturnType<typeof sparsebook>> {
  const notebook = saved(join(fixtures, `${name}.ipynb`));
  const loop = notebook.cells.find(({ id }) => id === 'c4')!;
  const begun = `${output}.begun`;
  loop.source = [loop.source]
    .flat()
    .join('')
    .replace("log('partial');", `$&\nfs.writeFileSync(${JSON.stringify(begun)}, '');`);
  loop.source = `import * as fs from 'node:fs';\n${loop.source}`;
  writeFileSync(`${output}.source.ipynb`, JSON.stringify(notebook));
  const run = sparsebook(['run', `${output}.source.ipynb`, '--output', output], env);
  await until(() => existsSync(begun));
  await sleep(300);
  return run;
}

test('Ctrl-C interrupts the cell, saves, and exits with 130', async () => {
  const output = scratchFile('interrupted.ipynb');
  const { child, ended } = await inTheFaultyCell('endless-loop', output);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  assert.equal(code, 130);
  assert.match(stderr, /failed in cell 2 \(The faulty cell\): it was interrupted/);
  assert.equal(printed(saved(output), 2), 'partial\n');
  assert.deepEqual(kernelsOf(child.pid ?? 0), []);
});

test('a second Ctrl-C ends a kernel that ignores the first', async () => {
  const output = scratchFile('killed.ipynb');
  const { child, ended } = await inTheFaultyCell('deaf-loop', output);
  child.kill('SIGINT');
  await sleep(200);
  const second = performance.now();
  child.kill('SIGINT');
  const { code } = await ended;
  assert.equal(code, 130);
  assert.ok(performance.now() - second < 4000, 'not after the patience for the first one');
  assert.equal(printed(saved(output), 2), 'partial\n');
  assert.deepEqual(kernelsOf(child.pid ?? 0), []);
});

test('SIGTERM ends the run with 143 and leaves no kernel', async () => {
  const output = scratchFile('terminated.ipynb');
  const { child, ended } = await inTheFaultyCell('deaf-loop', output);
  child.kill('SIGTERM');
  assert.equal((await ended).code, 143);
  assert.equal(printed(saved(output), 1), 'before the fault\n');
  assert.deepEqual(kernelsOf(child.pid ?? 0), []);
});

test('a runner that is killed leaves a valid notebook, and its kernel ends even in an endless loop', async () => {
  const output = scratchFile('kill-9.ipynb');
  const { child, ended } = await inTheFaultyCell('deaf-loop', output, { TMPDIR: temporaryFolder });
  const pid = child.pid ?? 0;
  assert.equal(kernelsOf(pid).length, 1);
  child.kill('SIGKILL');
  await ended;
  const notebook = saved(output);
  assert.deepEqual(schemaErrors(notebook), []);
  assert.equal(printed(notebook, 1), 'before the fault\n');
  assert.deepEqual(outputsOf(notebook, 3), []);
  await until(() => kernelsOf(pid).length === 0);
  assert.deepEqual(readdirSync(temporaryFolder), [], 'nor do its sockets stay');
});

test('whenever a runner is killed, the file on disk is a whole notebook or does not exist yet', async () => {
  const output = scratchFile('whole.ipynb');
  const { child, ended } = sparsebook(['run', join(fixtures, 'outputs.ipynb'), '--output', output]);
  let seen = 0;
  const { stderr } = child;
  assert.ok(stderr);
  // Reads the file whenever the runner prints a line, one per cell, and kills the runner in the middle.
  stderr.on('data', (text: string) => {
    if (!existsSync(output)) return;
    assert.deepEqual(schemaErrors(saved(output)), []);
    seen += text.split('\n').length - 1;
    if (seen >= 3) child.kill('SIGKILL');
  });
  await ended;
  assert.ok(seen >= 3);
  assert.deepEqual(schemaErrors(saved(output)), []);
});

test('connection files are deleted', async () => {
  const words = ['run', join(fixtures, 'process-exit.ipynb'), '--output', scratchFile('exit.ipynb')];
  const { ended } = sparsebook(words, { TMPDIR: temporaryFolder });
  assert.equal((await ended).code, 1);
  assert.deepEqual(readdirSync(temporaryFolder), []);
});

test('a detached program that a cell left running does not keep a finished run alive', async (t) => {
  const file = scratchFile('leaves-one.ipynb');
  const source = `import { spawn } from 'node:child_process';
const left = spawn('sleep', ['60'], { detached: true, stdio: 'inherit' });
left.unref();
console.log(left.pid);`;
  const cell = { cell_type: 'code', id: 'one', metadata: {}, source, execution_count: null, outputs: [] };
  writeFileSync(file, JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [cell] }));
  const { ended } = sparsebook(['run', file]);
  assert.equal((await ended).code, 0);
  const left = Number(printed(saved(file), 1));
  t.after(() => process.kill(left));
  process.kill(left, 0);
});
