// Attacks on the live page and on reports: forbidden requests, and scripts in a foreign notebook.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { renderReport } from 'sparsebook/notebook/report/renderReport.js';
import { notebookText } from 'sparsebook/notebook/run/notebookFile.js';
import type { Notebook } from 'sparsebook/notebook/run/notebook.js';
import { chromiumPath, launchChromium } from '../notebook/report/chromium.ts';
import { codeCell, notebookOf } from '../notebook/report/fixture.ts';
import { payloads } from '../notebook/render/payloads.ts';
import { Site } from '../notebook/live/site.ts';
import { each, upTo, type Outcome, type Probe } from './probe.ts';

const json = { 'content-type': 'application/json' };
const secretText = 'the-secret-of-another-folder';

interface Request {
  method: string;
  path: string;
  headers?: Record<string, string | undefined>;
  body?: string;
}

/** Requests that must be refused, with the cookie of a fully authorised user unless they override it. */
function forbidden(site: Site): Request[] {
  const paths = ['/', '/notebooks/n.ipynb', '/api/notebooks', '/api/events/n.ipynb', '/assets/notebook.js'];
  const command = { method: 'POST', path: '/api/commands/n.ipynb', body: '{"do":"runAll"}' };
  const strangers: Record<string, string | undefined>[] = [
    { cookie: undefined },
    { cookie: `sparsebook-${site.server.port}=${'0'.repeat(64)}` },
    { host: 'elsewhere.example' },
    { host: `127.0.0.1.elsewhere.example:${site.server.port}` },
    { host: '' },
    { origin: 'https://elsewhere.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
  ];
  const escapes = [
    '../secret.ipynb',
    '..%2fsecret.ipynb',
    '%2e%2e/secret.ipynb',
    '..%5csecret.ipynb',
    '%2fetc%2fpasswd',
    'link.ipynb',
    'n.ipynb%00.ipynb',
    'n.ipynb/../../secret.ipynb',
    'x'.repeat(5000) + '.ipynb',
    '%ff%fe.ipynb',
  ];
  const bodies = [
    '',
    'null',
    '[]',
    '{"do":"nothing"}',
    '{"do":"edit"}',
    '{"do":"set","name":{},"value":1}',
    '{'.repeat(90_000),
  ];
  return [
    ...strangers.flatMap((headers) => [
      ...paths.map((path) => ({ method: 'GET', path, headers })),
      { ...command, headers: { ...json, origin: site.origin, ...headers } },
    ]),
    { ...command, headers: json },
    { ...command, headers: { ...json, origin: `http://localhost:${site.server.port + 1}` } },
    ...escapes.flatMap((path) => [
      { method: 'GET', path: `/notebooks/${path}` },
      { method: 'GET', path: `/api/events/${path}` },
      { ...command, path: `/api/commands/${path}`, headers: { ...json, origin: site.origin } },
    ]),
    ...bodies.map((body) => ({ ...command, body, headers: { ...json, origin: site.origin } })),
    ...['PUT', 'DELETE', 'PATCH'].map((method) => ({
      method,
      path: '/notebooks/n.ipynb',
      headers: { origin: site.origin },
    })),
  ];
}

async function refuseStrangers(): Promise<Outcome> {
  const site = await Site.open({ 'n.ipynb': notebookOf(codeCell('throw 1', { id: 'a' })) });
  const secret = join(site.folder, '..', 'secret.ipynb');
  writeFileSync(secret, notebookText(notebookOf(codeCell(`'${secretText}'`, { id: 's' }))));
  symlinkSync(secret, join(site.folder, 'link.ipynb'));
  try {
    return await each(forbidden(site), async ({ method, path, headers, body }) => {
      const { status, text } = await site.ask(method, path, headers, body);
      const asked = `${method} ${path.slice(0, 80)} ${JSON.stringify(headers ?? {})} ${body?.slice(0, 40) ?? ''}`;
      assert.ok(status >= 400 && status < 500, `${asked}: answered ${status}`);
      assert.ok(!text.includes(secretText), `${asked}: gave another folder's notebook away`);
      const alive = await site.ask('GET', '/api/notebooks');
      assert.equal(alive.status, 200, `${asked}: the server is gone`);
    });
  } finally {
    rmSync(secret);
    await site.close();
  }
}

const types = ['text/html', 'image/svg+xml', 'text/markdown', 'text/latex', 'text/plain', 'application/json'];

/** A notebook with a payload in every place that can contain text. */
function hostile(payload: string, n: number): Notebook {
  const cell = codeCell(`// ${payload}`, {
    id: `c${n}`,
    outputs: [
      ...types.map((type) => ({ output_type: 'display_data' as const, data: { [type]: payload }, metadata: {} })),
      { output_type: 'stream', name: 'stdout', text: payload },
      { output_type: 'error', ename: payload, evalue: payload, traceback: [payload] },
    ],
  });
  const prose = { cell_type: 'markdown' as const, id: `m${n}`, metadata: {}, source: `# ${payload}\n\n${payload}` };
  const notebook = notebookOf(prose, cell);
  notebook.metadata = {
    kernelspec: { name: 'tslab', display_name: payload, language: payload },
    sparsebook: { data: payload },
  };
  return notebook;
}

/** Opens reports and live pages of hostile notebooks in Chromium: none of their scripts runs, and no request leaves. */
async function runNothing(short: boolean): Promise<Outcome> {
  if (chromiumPath === undefined) return { tried: 0, held: 0, notes: ['not run: no Chromium is installed'] };
  const some = payloads.filter((_, i) => !short || i % 12 === 0);
  const groups = upTo(Math.ceil(some.length / 12)).map((g) => some.slice(12 * g, 12 * g + 12));
  const together = groups.map((group) => {
    const notebooks = group.map(hostile);
    return { ...notebooks[0], cells: notebooks.flatMap(({ cells }) => cells) };
  });
  const site = await Site.open(Object.fromEntries(together.map((notebook, i) => [`h${i}.ipynb`, notebook])));
  const dir = mkdtempSync(join(tmpdir(), 'sparsebook-torture-'));
  const browser = await launchChromium();
  const context = await browser.newContext();
  const left: string[] = [];
  context.on('request', (request) => {
    if (!/^(file|data|blob):/.test(request.url()) && !request.url().startsWith(site.origin)) left.push(request.url());
  });
  try {
    const addresses = together.flatMap((notebook, i) => {
      const page = join(dir, `h${i}.html`);
      writeFileSync(page, renderReport(notebook, { name: `h${i}` }));
      return [
        pathToFileURL(page).href,
        i === 0 ? site.server.address('h0.ipynb') : `${site.origin}/notebooks/h${i}.ipynb`,
      ];
    });
    return await each(addresses, async (address) => {
      const page = await context.newPage();
      let dialogs = 0;
      page.on('dialog', (dialog) => (dialogs++, void dialog.dismiss()));
      await page.goto(address);
      await page.waitForSelector('pre', { state: 'attached' }); // also inside folded parts
      await page.waitForTimeout(500);
      const hacked = await page.evaluate('"hacked" in window');
      const stays = page.url().split('?')[0] === address.split('?')[0];
      await page.close();
      assert.ok(!hacked && dialogs === 0, `${address}: a script of the notebook ran`);
      assert.ok(stays, `${address}: the page went elsewhere`);
      assert.deepEqual(left.splice(0), [], `${address}: asked for something outside`);
    });
  } finally {
    await browser.close();
    await site.close();
    rmSync(dir, { recursive: true });
  }
}

/**
 * Opens foreign notebooks that name kernels by paths to their own kernelspec, whose program would leave a mark: none
 * may run.
 */
async function startNothing(): Promise<Outcome> {
  const evil = mkdtempSync(join(tmpdir(), 'sparsebook-torture-'));
  const mark = join(evil, 'ran');
  writeFileSync(join(evil, 'kernel.json'), JSON.stringify({ argv: ['touch', mark], display_name: 'x', language: 'x' }));
  const up = '../'.repeat(20);
  const paths = [evil, `${up}${evil}`, `.${evil}`, `tslab/${up}${evil}`, `tslab\0${evil}`, up, '..', '.'];
  const names: unknown[] = [...paths, {}, ['tslab'], 7, '', true, 'x'.repeat(9999)];
  const notebooks = names.map((name, i) => {
    const notebook = {
      ...notebookOf(codeCell('1', { id: 'a' })),
      metadata: { kernelspec: { name, display_name: 'x' } },
    };
    return [`k${i}.ipynb`, notebook as unknown as Notebook];
  });
  const site = await Site.open(Object.fromEntries(notebooks) as Record<string, Notebook>);
  try {
    return await each(names, async (name, i) => {
      const said = JSON.stringify(name);
      const page = await site.ask('GET', `/notebooks/k${i}.ipynb`);
      const events = await site.begin('GET', `/api/events/k${i}.ipynb`);
      const run = await site.command(`k${i}.ipynb`, { do: 'run', ids: ['a'] });
      await sleep(100);
      events.destroy();
      for (const { status } of [page, run]) assert.ok([200, 400, 404].includes(status), `${said}: answered ${status}`);
      const ran = existsSync(mark);
      rmSync(mark, { force: true });
      assert.ok(!ran, `${said}: the program that it names ran`);
      assert.equal((await site.ask('GET', '/api/notebooks')).status, 200, `${said}: the server is gone`);
    });
  } finally {
    await site.close();
    rmSync(evil, { recursive: true });
  }
}

export const attackPage: Probe[] = [
  { name: 'requests of strangers to the live server', run: refuseStrangers },
  { name: 'kernel names that are paths, or no names', run: startNothing },
  { name: 'script payloads in a foreign notebook, in Chromium', run: runNothing },
];
