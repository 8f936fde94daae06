import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelsOf } from '../run/runs.ts';
import { notebookOf } from '../report/fixture.ts';
import { fresh, Page, Site } from './site.ts';

test('a kernel that does not heed an interrupt is ended, another one started, and cell and status say so', async (t) => {
  const deaf = `import { pbkdf2Sync } from 'node:crypto';
console.log('started');
await null;
pbkdf2Sync('it', 'takes an hour', 2 ** 31 - 1, 64, 'sha512');`;
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

test('a notebook whose kernel cannot be one is opened all the same, and says why nothing runs', async (t) => {
  const notebook = { ...notebookOf(fresh('one', '1')), metadata: { kernelspec: { name: 5 } } };
  const site = await Site.open({ 'odd.ipynb': notebook as never });
  t.after(() => site.close());
  const page = await new Page(site, 'odd.ipynb').connect();
  await page.until('the cells', ({ state }) => state.order !== undefined);
  await page.do({ do: 'run', ids: ['one'] });
  await page.until('the reason', ({ state }) => /a kernel's name is made of letters/.test(state.kernel?.note ?? ''));
  page.disconnect();
});
