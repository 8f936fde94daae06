import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { kernelsOf } from '../run/runs.ts';
import { notebookOf } from '../report/fixture.ts';
import { fresh, Page, Site, smallNotebook } from './site.ts';

test('a kernel that ignores an interrupt is ended and another one started, which cell and status report', async (t) => {
  const deaf = `import { execFileSync } from 'node:child_process';
console.log('started');
await null;
execFileSync(process.execPath, ['-e', 'setTimeout(() => {}, 3_600_000)']);`;
  const notebook = notebookOf(fresh('deaf', deaf), fresh('after', "console.log('after');"));
  const site = await Site.open({ 'deaf.ipynb': notebook });
  t.after(() => site.close());
  const page = await new Page(site, 'deaf.ipynb').connect();
  await page.do({ do: 'run', ids: ['deaf', 'after'] });
  await page.until('the start', (at) => /started/.test(at.shown('deaf')));
  const [first] = kernelsOf(process.pid);
  await page.do({ do: 'interrupt' });
  await page.until('the end', (at) => /did not heed the interrupt; the kernel was ended/.test(at.shown('deaf')));
  assert.equal(page.state.cells.deaf.run?.fault, 'failed');
  await page.until('a new kernel', ({ state: { kernel } }) => kernel?.state === 'idle' && kernel.note !== undefined);
  assert.match(
    page.state.kernel?.note ?? '',
    /did not heed the interrupt.*another one started.*what is shown and saved stays/,
  );
  assert.notDeepEqual(kernelsOf(process.pid), [first]);
  await page.do({ do: 'run', ids: ['after'] });
  await page.until('the next cell', (at) => at.ran('after'));
  page.disconnect();
});

test('a notebook with an impossible kernel still opens, with the reason why nothing runs', async (t) => {
  const notebook = { ...notebookOf(fresh('one', '1')), metadata: { kernelspec: { name: 5 } } };
  const site = await Site.open({ 'odd.ipynb': notebook as never });
  t.after(() => site.close());
  const page = await new Page(site, 'odd.ipynb').connect();
  await page.until('the cells', ({ state }) => state.order !== undefined);
  await page.do({ do: 'run', ids: ['one'] });
  await page.until('the reason', ({ state }) =>
    /a kernel's name must be made of letters/.test(state.kernel?.note ?? ''),
  );
  page.disconnect();
});

test('a spare kernel goes to the first notebook that it fits; the second starts one when a cell runs; all end with the server', async (t) => {
  const foreign = { ...smallNotebook(), metadata: { kernelspec: { name: 'other', display_name: 'Other' } } };
  const notebooks = { 'foreign.ipynb': foreign, 'first.ipynb': smallNotebook(), 'second.ipynb': smallNotebook() };
  const site = await Site.open(notebooks, { spareKernel: true });
  t.after(() => site.close());
  const waiting = kernelsOf(process.pid);
  assert.equal(waiting.length, 1);
  const other = await new Page(site, 'foreign.ipynb').connect();
  await other.until('the cells', ({ state }) => state.order !== undefined);
  assert.equal(other.state.kernel?.state, 'off');
  other.disconnect();
  const first = await new Page(site, 'first.ipynb').connect();
  await first.until('an idle kernel', ({ state }) => state.kernel?.state === 'idle');
  assert.deepEqual(kernelsOf(process.pid), waiting);
  const second = await new Page(site, 'second.ipynb').connect();
  await second.until('the cells', ({ state }) => state.order !== undefined);
  assert.equal(second.state.kernel?.state, 'off');
  await second.do({ do: 'run', ids: ['parameters'] });
  await second.until('an idle kernel', ({ state }) => state.kernel?.state === 'idle');
  assert.equal(kernelsOf(process.pid).length, 2);
  first.disconnect();
  second.disconnect();
  await site.close();
  assert.deepEqual(kernelsOf(process.pid), []);
});

test('a spare kernel that died is not given to a notebook', async (t) => {
  const site = await Site.open({ 'small.ipynb': smallNotebook() }, { spareKernel: true });
  t.after(() => site.close());
  const [waiting] = kernelsOf(process.pid);
  process.kill(waiting, 'SIGKILL');
  // Until this process, its parent, has noticed its end.
  while (existsSync(`/proc/${waiting}`)) await sleep(20);
  const page = await new Page(site, 'small.ipynb').connect();
  await page.until('the cells', ({ state }) => state.order !== undefined);
  await page.do({ do: 'run', ids: ['parameters'] });
  await page.until('an idle kernel', ({ state }) => state.kernel?.state === 'idle');
  page.disconnect();
  await site.close();
  assert.deepEqual(kernelsOf(process.pid), []);
});

test('a kernel that no notebook used ends with the server', async (t) => {
  const site = await Site.open({}, { spareKernel: true });
  t.after(() => site.close());
  assert.equal(kernelsOf(process.pid).length, 1);
  await site.close();
  assert.deepEqual(kernelsOf(process.pid), []);
});
