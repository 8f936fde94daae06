import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outputsOf, printed, runFixture, saved } from './runs.ts';

/** Every fault: what came before it is saved, the cell and the cause are named, what comes after is not run. */
const faults: { name: string; kind: string; ename: string; cause: RegExp; partial?: string; cellTimeout?: number }[] = [
  { name: 'failing-cell', kind: 'error', ename: 'TypeError', cause: /^TypeError: no such layer$/ },
  { name: 'compile-error', kind: 'error', ename: 'TypeScriptError', cause: /1:7 - Type 'string'/, partial: '' },
  { name: 'uncaught-rejection', kind: 'error', ename: 'Error', cause: /^Error: lost$/ },
  { name: 'killed-kernel', kind: 'dead', ename: 'KernelDied', cause: /killed \(SIGKILL\)/ },
  { name: 'process-exit', kind: 'dead', ename: 'KernelDied', cause: /exit code 3/ },
  { name: 'out-of-memory', kind: 'dead', ename: 'KernelDied', cause: /ran out of memory/ },
  { name: 'endless-loop', kind: 'timeout', ename: 'CellTimeout', cause: /timeout of 0.5 s$/, cellTimeout: 0.5 },
  { name: 'deaf-loop', kind: 'timeout', ename: 'CellTimeout', cause: /timeout of 0.5 s/, cellTimeout: 0.5 },
  { name: 'deaf-kernel', kind: 'timeout', ename: 'CellTimeout', cause: /did not heed/, cellTimeout: 0.5 },
];

// A small heap, so that filling it does not take a minute.
process.env.NODE_OPTIONS = '--max-old-space-size=150';

for (const { name, kind, ename, cause, partial = 'partial\n', cellTimeout } of faults) {
  test(`${name}: partial outputs are saved, the error is one of them, cell and cause are named`, async () => {
    const result = await runFixture(name, { cellTimeout });
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
