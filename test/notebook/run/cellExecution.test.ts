import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelClient } from 'sparsebook/notebook/kernel/client/kernelClient.js';
import { headerOf, type Message } from 'sparsebook/notebook/kernel/wire.js';
import { CellExecution } from 'sparsebook/notebook/run/cellExecution.js';
import { NotebookOutputs } from 'sparsebook/notebook/run/outputArea.js';
import { codeCell } from '../report/fixture.ts';

test('background work that fails before the kernel replies counts as a fault of the cell', async () => {
  const failure = { ename: 'Error', evalue: 'late', traceback: ['Error: late'] };
  const message: Message = { header: headerOf('error'), parent_header: {}, metadata: {}, content: failure };
  const kernel = {
    execute: (_code: string, hear: (message: Message) => void) => {
      hear(message);
      return Promise.resolve({ status: 'ok', execution_count: 1, ename: '', evalue: '' });
    },
  } as unknown as KernelClient;
  const place = { index: 0, number: 1, total: 1, title: 'timer' };
  const execution = new CellExecution(codeCell('setTimeout(fail)'), place, new NotebookOutputs(), () => undefined);
  await execution.run(kernel, {});
  assert.deepEqual(execution.fault, {
    kind: 'error',
    cell: 1,
    title: 'timer',
    cause: 'Error: late',
    traceback: ['Error: late'],
  });
});
