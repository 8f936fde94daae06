import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { KernelProcess } from 'sparsebook/notebook/kernel/client/kernelProcess.js';

test('however many kernels run, they add no listeners to the process', async () => {
  const before = process.listenerCount('exit');
  const sleeper = [process.execPath, '-e', 'setInterval(() => 0, 1000)'];
  const kernels = await Promise.all([1, 2, 3].map(() => KernelProcess.start(sleeper, tmpdir(), {})));
  assert.equal(process.listenerCount('exit'), before);
  for (const kernel of kernels) kernel.kill();
  await Promise.all(kernels.map(({ exit }) => exit));
});
