import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, test } from 'node:test';
import { notebookText } from 'sparsebook/notebook/run/notebookFile.js';
import { kernelsOf } from '../run/runs.ts';
import { sparsebook } from '../../sparsebook.ts';
import { keyIn, smallNotebook } from './site.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sparsebook-ending-'));
after(() => rmSync(scratch, { recursive: true }));

/** At SIGUSR2 an error occurs that nothing in the server awaits. */
const overlooks = `
if (process.argv.includes('open')) {
  let times = 0;
  process.on('SIGUSR2', () => {
    if (times++ === 0) throw new Error('overlooked');
    void Promise.reject(new Error('overlooked again, ' + times));
  });
}`;

/** Starts `sparsebook open` with a notebook; returns functions to edit the notebook and to look at its draft. */
async function open(name: string) {
  const file = join(scratch, `${name}.ipynb`);
  writeFileSync(file, notebookText(smallNotebook()));
  const preload = `--import=data:text/javascript,${encodeURIComponent(overlooks)}`;
  const { child, ended } = sparsebook(['open', file, '--no-browser'], { NODE_OPTIONS: preload });
  assert.ok(child.stderr && child.pid);
  let address: URL | undefined;
  for (let said = ''; !address;) {
    said += String((await once(child.stderr, 'data'))[0]);
    const [, found] = /(http:\S+)\n/.exec(said) ?? [];
    if (found) address = new URL(found);
  }
  const { origin } = address;
  const arrived = await fetch(address);
  const headers = {
    cookie: arrived.headers.getSetCookie()[0].split(';')[0],
    'x-key': keyIn(await arrived.text()),
    'content-type': 'application/json',
    origin,
  };
  const edit = async (source: string): Promise<void> => {
    const body = JSON.stringify({ do: 'edit', id: 'other', source });
    const { status } = await fetch(`${origin}/api/commands/${name}.ipynb`, { method: 'POST', headers, body });
    assert.equal(status, 200);
  };
  const draft = join(scratch, `.${name}.draft.ipynb`);
  const isKept = (source: string): boolean => existsSync(draft) && readFileSync(draft, 'utf8').includes(source);
  return { child, pid: child.pid, ended, edit, isKept };
}

for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} keeps unsaved changes, ends the kernel and then the server`, async () => {
    const { child, pid, ended, edit, isKept } = await open(signal);
    await edit('// not saved yet');
    child.kill(signal);
    const { code, stderr } = await ended;
    assert.equal(code, 0);
    assert.ok(isKept('// not saved yet'));
    assert.match(stderr, new RegExp(`${signal}\\.ipynb has changes that are not saved; they are kept in a draft`));
    assert.deepEqual(kernelsOf(pid), []);
  });
}

test('an uncaught error is reported, keeps unsaved changes and ends nothing; a lost terminal ends the server', async () => {
  const { child, ended, edit, isKept } = await open('overlooked');
  let stderr = '';
  child.stderr?.on('data', (text: string) => (stderr += text));
  for (const source of ['// first', '// second']) {
    await edit(source);
    child.kill('SIGUSR2');
    while (!isKept(source)) await sleep(20);
  }
  while (!stderr.includes('again')) await sleep(20);
  assert.match(stderr, /error in the server: overlooked\nerror in the server: overlooked again, 2\n$/);
  // If nothing can be printed any more, the terminal is closed.
  await edit('// third');
  child.stderr?.destroy();
  child.stdout?.destroy();
  child.kill('SIGUSR2');
  assert.equal((await ended).code, 0);
  assert.ok(isKept('// third'));
});
