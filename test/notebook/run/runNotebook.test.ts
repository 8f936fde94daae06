import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Notebook } from 'sparsebook/notebook/run/notebook.js';
import type { RunEvent } from 'sparsebook/notebook/run/events.js';
import { runNotebook } from 'sparsebook/notebook/run/runNotebook.js';
import { setParameter } from 'sparsebook/notebook/run/parameters.js';
import type { ParameterValue } from 'sparsebook/notebook/run/syntax.js';
import { sharedKernel } from '../kernel/cells.ts';
import { codeCell, notebookOf } from '../report/fixture.ts';
import { schemaErrors } from './nbformat.ts';
import { fixtures, kernelsOf, outputsOf, printed, runFixture, saved, scratchFile } from './runs.ts';
import { sparsebook } from '../../sparsebook.ts';

/** Shared by the runs that need no fresh kernel and leave this one intact. */
const { kernel } = sharedKernel(fixtures);

test('every kind of output is saved, valid by the schema, with counts, times and hashes', async () => {
  const events: RunEvent[] = [];
  const result = await runFixture('outputs', { onEvent: (event) => events.push(event) });
  assert.ok(result.ok, result.fault?.cause);
  const notebook = saved(result.output);
  assert.deepEqual(schemaErrors(notebook), []);

  assert.deepEqual(outputsOf(notebook, 1), [
    { output_type: 'stream', name: 'stdout', text: ['100 %\n', 'to stdout\n'] },
    { output_type: 'stream', name: 'stderr', text: ['to stderr\n'] },
    { output_type: 'display_data', data: { 'text/html': ['<b>shown</b>'] }, metadata: {} },
  ]);
  const [updated] = outputsOf(notebook, 2);
  assert.ok(updated.output_type === 'display_data');
  assert.deepEqual(updated.data, { 'text/plain': ['second'] }, 'updated by the cell after it');
  assert.deepEqual(outputsOf(notebook, 4), [], 'skip-execution');
  const [error] = outputsOf(notebook, 5);
  assert.ok(error.output_type === 'error' && error.ename === 'RangeError', 'raises-exception');
  assert.equal(printed(notebook, 6), 'in test/fixtures/notebooks\n', 'no path of this machine');

  assert.equal(result.tolerated.length, 1);
  const cells = notebook.cells.flatMap((cell) => (cell.cell_type === 'code' ? [cell] : []));
  assert.deepEqual(
    cells.map((cell) => cell.execution_count),
    [1, 2, 3, null, 4, 5],
  );
  const { execution, sparsebook } = cells[0].metadata;
  const times = execution as Record<string, string>;
  for (const key of ['iopub.status.busy', 'iopub.execute_input', 'iopub.status.idle', 'shell.execute_reply']) {
    assert.equal(new Date(times[key]).toISOString(), times[key], key);
  }
  const hash = createHash('sha256').update([cells[0].source].flat().join('')).digest('hex');
  assert.deepEqual(sparsebook, { sourceHash: hash });

  const told = events.filter(({ type }) => type !== 'message').map(({ type }) => type);
  const each = Array.from({ length: 5 }, () => ['cellStart', 'cellEnd']).flat();
  assert.deepEqual(told, ['start', 'kernelReady', ...each, 'end']);
});

test('with allowErrors a run continues at once after a failing cell', async () => {
  const result = await runFixture('failing-cell', { allowErrors: true, kernel: kernel() });
  assert.ok(result.ok);
  assert.deepEqual(
    result.tolerated.map((fault) => [fault.cell, fault.cause]),
    [[2, 'TypeError: no such layer']],
  );
  assert.equal(printed(saved(result.output), 3), 'after the fault\n');
});

test('an interrupt stops the cell and the run, and saves', async () => {
  const interrupt = new AbortController();
  const result = await runFixture('training', {
    interrupt: interrupt.signal,
    onEvent: (event) => {
      if (event.type === 'message' && event.message.header.msg_type === 'stream') interrupt.abort();
    },
  });
  const { kind, cell, cause } = result.fault ?? {};
  assert.deepEqual([kind, cell, cause], ['interrupted', 1, 'it was interrupted']);
  assert.match(printed(saved(result.output), 1), /^step 0\n/);
  assert.deepEqual(outputsOf(saved(result.output), 2), []);
});

test('an interrupt between two cells keeps the next one from starting', async () => {
  const interrupt = new AbortController();
  const onEvent = ({ type }: RunEvent): void => {
    if (type === 'cellEnd') interrupt.abort();
  };
  const options = { kernel: kernel(), interrupt: interrupt.signal, onEvent };
  const { fault, output } = await runFixture('parameters', options);
  assert.deepEqual([fault?.kind, fault?.cell, fault?.cause], ['interrupted', 2, 'it was interrupted before it began']);
  assert.deepEqual(outputsOf(saved(output), 2), []);
});

/** A kernelspec on JUPYTER_PATH for the duration of one test, and a notebook that requests it. */
function withKernel(name: string, argv: string[]): { notebook: string; output: string } {
  const folder = scratchFile(join('jupyter', 'kernels', name));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'kernel.json'), JSON.stringify({ argv, display_name: name, language: 'typescript' }));
  process.env.JUPYTER_PATH = scratchFile('jupyter');
  const text = readFileSync(join(fixtures, 'unknown-kernel.ipynb'), 'utf8').replaceAll('fortran', name);
  writeFileSync(scratchFile(`${name}.ipynb`), text);
  return { notebook: scratchFile(`${name}.ipynb`), output: scratchFile(`${name}-out.ipynb`) };
}

test('a missing kernel is named, with the installed ones and how to choose one', async () => {
  const message = /no kernel is named 'fortran'; there are: tslab.*; --kernel NAME runs the notebook on another one$/;
  await assert.rejects(runFixture('unknown-kernel'), message);
});

test("papermill's options set parameters and another kernel, and write only the notebook to standard output", async () => {
  const notebook = saved(join(fixtures, 'parameters.ipynb'));
  notebook.metadata.kernelspec = { name: 'fortran', display_name: 'Fortran' };
  const [file, settings] = [scratchFile('elsewhere.ipynb'), scratchFile('settings.yaml')];
  const before = JSON.stringify(notebook);
  writeFileSync(file, before);
  writeFileSync(settings, 'augment: false\nlambdas: [1]\n');
  const options = ['-p', 'lambda_l0', '-3', '-r', 'checkpoint', '5', '-y', '{lambdas: [7, 8]}', '-f', settings];
  const { code, stdout, stderr } = await sparsebook(['run', file, ...options, '-k', 'tslab', '-o', '-']).ended;
  assert.equal(code, 0, stderr);
  const executed = JSON.parse(stdout) as Notebook;
  assert.equal(printed(executed, 3), '[-3,[7,8],"synthetic",false,"5"]\n');
  assert.equal(executed.metadata.kernelspec?.name, 'tslab');
  assert.equal(readFileSync(file, 'utf8'), before);
});

/**
 * A parameters cell, a value for its x, a cell below, and its output, whether the value is injected or written in
 * place.
 */
const moved: [string, string, ParameterValue, string, string][] = [
  ['a text', "const x = 'auto';", 'cpu', "if (x === 'auto') x.trim(); else console.log(x);", 'cpu'],
  ['a number', 'const x = 6;', 3, 'if (x === 6) x.toFixed(); console.log(x);', '3'],
  ['a boolean', 'const x = true;', false, 'console.log(x === true);', 'false'],
  ['a word of a switch', "const x = 'a';", 'b', "switch (x) { case 'a': case 'b': console.log(x); }", 'b'],
  ['a cast', "const x = 'a' as 'a' | 'b';", 'b', "const f = (y: 'a' | 'b') => y; console.log(f(x));", 'b'],
  [
    'a constant list',
    'const x = [1, 2] as const;',
    [3, 4],
    'const f = (y: readonly [number, number]) => y; console.log(...f(x));',
    '3 4',
  ],
  ['an empty list', "const x = ['a'];", [], "x.push('b'); console.log(x.length);", '1'],
  ['an object', 'const x = { a: 1, b: { c: 2 } };', { a: 5, b: { c: 2 } }, 'console.log(x.a + x.b.c);', '7'],
  ['a pattern', 'const { x, y } = { x: 1, y: 2 };', 5, 'console.log(x, y);', '5 2'],
  ['a pattern that computes', 'const { x, y = x * 10 } = { x: 1 };', 2, 'console.log(x, y);', '2 20'],
  ['a running count', 'const x = 1; let y = 0; y += x; if (x < 2) y++;', 5, 'console.log(y);', '5'],
  [
    'a type of its own',
    "type T = 'a' | 'b'; const x: T = 'a'; const y = x === 'a' ? 1 : 2;",
    'b',
    'console.log(y);',
    '2',
  ],
  ['a computed value', 'const x = 32;\r\nconst steps = 1024 / x; // steps\r\n', 16, 'console.log(x, steps);', '16 64'],
];
for (const [what, source, value, cell, right] of moved) {
  test(`a parameter has the same effect if a run injects it as if the live page writes it: ${what}`, async () => {
    const notebook = scratchFile('moved.ipynb');
    const run = async (parameters: string, given: Record<string, ParameterValue>): Promise<string> => {
      const tagged = codeCell(parameters, { metadata: { tags: ['parameters'] } });
      writeFileSync(notebook, JSON.stringify(notebookOf(tagged, codeCell(cell))));
      const result = await runNotebook({ notebook, parameters: given, kernel: kernel() });
      assert.ok(result.ok, result.fault?.cause);
      return printed(result.notebook, result.notebook.cells.length).trim();
    };
    assert.equal(await run(source, { x: value }), right);
    assert.equal(await run(setParameter(source, 'x', value), {}), right);
  });
}

const written = scratchFile('notes.txt');
writeFileSync(written, 'notes');
writeFileSync(scratchFile('other.ipynb'), 'notes');
mkdirSync(scratchFile('folder.ipynb'));
const outputs: [string, string, RegExp][] = [
  [
    'a name that ends in a slash',
    scratchFile('new/'),
    /new\/ is a folder; name a file in it, such as .*new\/executed.ipynb/,
  ],
  ['a folder', scratchFile('folder.ipynb'), /folder.ipynb is a folder/],
  ['a folder that is a file', join(written, 'x.ipynb'), /notes.txt\/x.ipynb cannot be written: E/],
  ['a file of another kind', written, /ends in .ipynb; received .*notes.txt: write -o .*notes.ipynb/],
  [
    'a file whose contents are no notebook',
    scratchFile('other.ipynb'),
    /other.ipynb is not written: only a notebook may be/,
  ],
  ['an unwritable place', '/proc/x.ipynb', /\/proc\/x.ipynb cannot be written: E/],
];
for (const [what, output, message] of outputs) {
  test(`refused before the kernel starts, as the output: ${what}`, async () => {
    const events: string[] = [];
    const run = runFixture('parameters', { output, onEvent: ({ type }) => events.push(type) });
    await assert.rejects(run, { name: 'UserError', message });
    assert.deepEqual(events, []);
    assert.equal(readFileSync(written, 'utf8'), 'notes');
  });
}

test('an interrupted run leaves an output that is to be kept unchanged', async () => {
  const interrupt = new AbortController();
  const onEvent = ({ type }: RunEvent): void => {
    if (type === 'cellEnd') interrupt.abort();
  };
  const output = scratchFile('kept.ipynb');
  const before = '{"cells": []}';
  writeFileSync(output, before);
  const options = { output, keepOutput: true, kernel: kernel(), interrupt: interrupt.signal, onEvent };
  const result = await runFixture('parameters', options);
  assert.equal(readFileSync(output, 'utf8'), before);
  assert.equal(result.output, scratchFile('kept.unfinished.ipynb'));
  assert.deepEqual(schemaErrors(saved(result.output)), []);
});

test('a kernel whose program is missing is reported by name', async () => {
  const run = runNotebook(withKernel('missing', ['no-such-program', '{connection_file}']));
  await assert.rejects(run, /kernel 'missing' cannot start: .*ENOENT/);
});

test('a kernel that ends while starting is reported with its exit code and last output', async () => {
  const run = runNotebook(withKernel('broken', ['node', '-e', 'console.error("no licence"); process.exit(7)']));
  await assert.rejects(run, /kernel 'broken' ended with exit code 7 while starting[^]*no licence/);
});

test('a kernel that never replies is given up after the start timeout, and is ended', async () => {
  const run = runNotebook({ ...withKernel('silent', ['node', '-e', 'setInterval(() => 0, 1000)']), startTimeout: 0.5 });
  await assert.rejects(run, /kernel 'silent' did not answer within 0.5 s/);
  assert.deepEqual(kernelsOf(process.pid), [kernel().pid]);
});

test('stock tslab runs a notebook too, and its errors are recorded as errors', async () => {
  const stock = ['node', 'node_modules/tslab/bin/tslab', 'kernel', '--config-path={connection_file}'];
  const { notebook, output } = withKernel('stock', [stock[0], join(process.cwd(), stock[1]), ...stock.slice(2)]);
  const content = saved(notebook);
  const code = (id: string, source: string): (typeof content.cells)[number] => ({
    cell_type: 'code',
    id,
    metadata: {},
    source,
    execution_count: null,
    outputs: [],
  });
  content.cells.push(
    code('two', 'const two = 2;'),
    code('throws', "throw new RangeError('too far');"),
    code('after', 'two'),
  );
  writeFileSync(notebook, JSON.stringify(content));
  const result = await runNotebook({ notebook, output, allowErrors: true });
  assert.deepEqual(
    result.tolerated.map((fault) => [fault.cell, fault.cause]),
    [[3, 'RangeError: too far']],
  );
  assert.deepEqual(schemaErrors(saved(output)), []);
  assert.equal(printed(saved(output), 1), 'before the fault\n');
  assert.equal(printed(saved(output), 4), '2\n');
});

/** All faults: earlier cells are saved, the cell and the cause are named, later cells are not run. */
const faults: { name: string; kind: string; ename: string; cause: RegExp; partial?: string; cellTimeout?: number }[] = [
  { name: 'failing-cell', kind: 'error', ename: 'TypeError', cause: /^TypeError: no such layer$/ },
  { name: 'compile-error', kind: 'error', ename: 'TypeScriptError', cause: /1:7 - Type 'string'/, partial: '' },
  { name: 'uncaught-rejection', kind: 'error', ename: 'Error', cause: /^Error: lost$/ },
  { name: 'killed-kernel', kind: 'dead', ename: 'KernelDied', cause: /killed \(SIGKILL\)/ },
  { name: 'process-exit', kind: 'dead', ename: 'KernelDied', cause: /exit code 3/ },
  { name: 'out-of-memory', kind: 'dead', ename: 'KernelDied', cause: /ran out of memory/ },
  { name: 'endless-loop', kind: 'timeout', ename: 'CellTimeout', cause: /timeout of 2 s$/, cellTimeout: 2 },
  // These end their kernel. In a new kernel the first cell waits for the compiler, for seconds on a busy machine.
  { name: 'deaf-loop', kind: 'timeout', ename: 'CellTimeout', cause: /timeout of 6 s/, cellTimeout: 6 },
  { name: 'deaf-kernel', kind: 'timeout', ename: 'CellTimeout', cause: /did not heed/, cellTimeout: 6 },
];

for (const { name, kind, ename, cause, partial = 'partial\n', cellTimeout } of faults) {
  test(`${name}: partial outputs are saved, the error is one of them, cell and cause are named`, async (t) => {
    // A small heap, so that filling it does not take a minute.
    process.env.NODE_OPTIONS = '--max-old-space-size=150';
    t.after(() => delete process.env.NODE_OPTIONS);
    const livesOn = kind === 'error' || name === 'endless-loop';
    const result = await runFixture(name, { cellTimeout, kernel: livesOn ? kernel() : undefined });
    assert.equal(result.ok, false);
    assert.ok(result.fault);
    assert.equal(result.fault.kind, kind);
    assert.equal(result.fault.cell, 2);
    assert.equal(result.fault.title, 'The faulty cell');
    assert.match(result.fault.cause, cause);
    const notebook = saved(result.output);
    assert.equal(printed(notebook, 1), 'before the fault\n');
    assert.equal(printed(notebook, 2), partial);
    const error = outputsOf(notebook, 2).at(-1);
    assert.ok(error?.output_type === 'error');
    assert.equal(error.ename, ename);
    assert.match(`${error.ename}: ${error.evalue}`, cause);
    assert.deepEqual(outputsOf(notebook, 3), []);
  });
}
