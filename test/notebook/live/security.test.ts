import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browserCommand } from 'sparsebook/notebook/live/openBrowser.js';
import { notebookText } from 'sparsebook/notebook/run/notebookFile.js';
import { codeCell, notebookOf } from '../report/fixture.ts';
import { payloads } from '../render/payloads.ts';
import type { ListedNotebook } from 'sparsebook/notebook/live/protocol.js';
import { keyIn, Page, Site, smallNotebook } from './site.ts';

let site: Site;
const outside = join(tmpdir(), `sparsebook-outside-${process.pid}`);
const secret = notebookText(notebookOf({ cell_type: 'markdown', id: 's', metadata: {}, source: 'secret' }));

before(async () => {
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret.ipynb'), secret);
  const hostile = notebookOf(
    codeCell('1', {
      id: 'hostile',
      outputs: payloads.map((payload) => ({
        output_type: 'display_data',
        data: { 'text/html': payload },
        metadata: {},
      })),
    }),
    { cell_type: 'markdown', id: 'text', metadata: {}, source: payloads.join('\n\n') },
  );
  site = await Site.open({
    'small.ipynb': smallNotebook(),
    'hostile.ipynb': hostile,
    'swapped.ipynb': smallNotebook(),
  });
  symlinkSync(join(outside, 'secret.ipynb'), join(site.folder, 'link.ipynb'));
  symlinkSync(outside, join(site.folder, 'out'));
});
after(async () => {
  await site.close();
  rmSync(outside, { recursive: true });
});

const everywhere = [
  ['GET', '/'],
  ['GET', '/notebooks/small.ipynb'],
  ['GET', '/assets/notebook.js'],
  ['GET', '/api/notebooks'],
  ['GET', '/api/events/small.ipynb'],
  ['POST', '/api/commands/small.ipynb'],
] as const;
const json = { 'content-type': 'application/json' };
const save = JSON.stringify({ do: 'save' });

test('without the token, or with a wrong one, nothing is revealed and nothing is done', async () => {
  for (const [method, path] of everywhere) {
    for (const cookie of [undefined, 'sparsebook=x', `sparsebook-${site.server.port}=${'0'.repeat(64)}`]) {
      const { status, text } = await site.ask(
        method,
        path,
        { cookie, origin: site.origin, ...json },
        method === 'POST' ? save : undefined,
      );
      assert.equal(status, 401, `${method} ${path}`);
      assert.doesNotMatch(text, /small\.ipynb|lambda/);
    }
  }
  for (const token of ['', 'x', site.token.slice(1), `${site.token}0`, site.token.toUpperCase()]) {
    assert.equal((await site.ask('GET', `/?token=${token}`, { cookie: undefined })).status, 401);
  }
});

test('the token only opens pages, and is exchanged for a cookie that scripts and other sites cannot use', async () => {
  const { status, headers, text } = await site.ask('GET', `/?token=${site.token}`, { cookie: undefined });
  assert.equal(status, 200);
  const [cookie] = headers['set-cookie'] ?? [];
  assert.match(cookie, new RegExp(`^sparsebook-${site.server.port}=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict$`));
  assert.equal(cookie.includes(site.token) || text.includes(site.token), false);
  for (const [method, path] of everywhere.slice(2)) {
    const answer = await site.ask(method, `${path}?token=${site.token}`, {
      cookie: undefined,
      origin: site.origin,
      ...json,
    });
    assert.equal(answer.status, 401, path);
  }
});

test('another server on this machine, which also gets the cookie from browsers, can neither read nor do anything with it', async () => {
  for (const [method, path] of everywhere.slice(3)) {
    for (const key of [undefined, '', 'x', site.token, '0'.repeat(64)]) {
      const { status, text } = await site.ask(
        method,
        `${path}?key=${key}`,
        { 'x-key': key, origin: site.origin, ...json },
        method === 'POST' ? save : undefined,
      );
      assert.equal(status, 401, `${method} ${path} ${key}`);
      assert.doesNotMatch(text, /lambda/);
    }
  }
  const again = await site.ask('GET', '/notebooks/small.ipynb', { 'x-key': undefined });
  assert.equal(again.status, 200);
  assert.equal(keyIn(again.text), '', 'no page that comes without the token holds the key');
  const arrived = await site.ask('GET', `/notebooks/small.ipynb?token=${site.token}`);
  assert.match(keyIn(arrived.text), /^[0-9a-f]{64}$/);
  const [cookie] = arrived.headers['set-cookie'] ?? [];
  assert.equal(cookie.includes(keyIn(arrived.text)) || keyIn(arrived.text) === site.token, false);
  const keyAlone = { cookie: undefined, 'x-key': keyIn(arrived.text) };
  assert.equal((await site.ask('GET', '/api/notebooks', keyAlone)).status, 401);
});

test('another name for this machine is refused, cookie or not: no DNS rebinding', async () => {
  const { port } = site.server;
  for (const host of [
    `evil.example:${port}`,
    `127.0.0.1.evil.example:${port}`,
    '127.0.0.1',
    `127.0.0.1:${port + 1}`,
    `[::1]:${port}`,
    undefined,
  ]) {
    for (const [method, path] of everywhere) {
      const { status } = await site.ask(method, path, { host, ...json });
      // Without a Host header Node's own parser replies 400.
      assert.equal(status, host === undefined ? 400 : 403, `${host} ${path}`);
    }
  }
  assert.equal((await site.ask('GET', '/', { host: `localhost:${port}` })).status, 200);
});

test('pages of other sites can neither command nor read nor embed', async () => {
  for (const origin of [
    'https://evil.example',
    'null',
    'http://127.0.0.1',
    `http://localhost:${site.server.port}`,
    undefined,
  ]) {
    const { status } = await site.ask('POST', '/api/commands/small.ipynb', { origin, ...json }, save);
    assert.equal(status, 403, origin);
  }
  for (const from of ['cross-site', 'same-site']) {
    for (const path of ['/assets/notebook.js', '/api/notebooks', '/api/events/small.ipynb']) {
      assert.equal((await site.ask('GET', path, { 'sec-fetch-site': from, 'sec-fetch-mode': 'navigate' })).status, 403);
    }
    assert.equal((await site.ask('GET', '/', { 'sec-fetch-site': from, 'sec-fetch-mode': 'no-cors' })).status, 403);
  }
  assert.equal((await site.ask('GET', '/', { origin: 'https://evil.example' })).status, 403);
});

test('a form or a plain text is not accepted as a command', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', undefined]) {
    const { status, text } = await site.ask(
      'POST',
      '/api/commands/small.ipynb',
      { origin: site.origin, 'content-type': type },
      save,
    );
    assert.deepEqual([status, JSON.parse(text)], [400, { error: 'a command must be sent as application/json' }]);
  }
  for (const body of ['', '{', '[]', '"save"', '{"do":"eval","code":"1"}']) {
    assert.equal(
      (await site.ask('POST', '/api/commands/small.ipynb', { origin: site.origin, ...json }, body)).status,
      400,
    );
  }
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'POST']) {
    assert.equal((await site.ask(method, '/notebooks/small.ipynb', { origin: site.origin })).status, 404);
  }
});

test('no path leads out of the folder, however it is written', async () => {
  const ways = [
    '../secret.ipynb',
    '..%2Fsecret.ipynb',
    '%2e%2e/%2e%2e/etc/passwd',
    '%2e%2e%2fsecret.ipynb',
    '..%5Csecret.ipynb',
    '%2Fetc%2Fpasswd',
    encodeURIComponent(join(outside, 'secret.ipynb')),
    'link.ipynb',
    'out/secret.ipynb',
    'small.ipynb%00.ipynb',
    '%ff.ipynb',
    '....//secret.ipynb',
    '%5C%5Cserver%5Cshare%5Cx.ipynb',
    '%2F%2Fserver%2Fshare%2Fx.ipynb',
    'C:%5Cx.ipynb',
    'small.ipynb%0A.ipynb',
    '%1B[31msmall.ipynb',
    'out%2F..%2Fsmall.ipynb',
    '.%2Fsmall.ipynb',
    `${'x'.repeat(5000)}.ipynb`,
  ];
  for (const way of ways) {
    for (const route of ['notebooks', 'api/events', 'assets', 'assets/fonts']) {
      const { status, text } = await site.ask('GET', `/${route}/${way}`);
      assert.ok(status === 400 || status === 404, `${route}/${way}: ${status}`);
      assert.doesNotMatch(text, /root:|"source"/);
    }
    const { status } = await site.ask('POST', `/api/commands/${way}`, { origin: site.origin, ...json }, save);
    assert.ok(status === 400 || status === 404, way);
  }
  const listed = JSON.parse((await site.ask('GET', '/api/notebooks')).text) as ListedNotebook[];
  assert.deepEqual(
    listed.filter(({ fault }) => fault === undefined).map(({ path }) => path),
    ['hostile.ipynb', 'small.ipynb', 'swapped.ipynb'],
  );
  assert.match(listed.find(({ path }) => path === 'link.ipynb')?.fault ?? '', /leads out of the folder/);
});

test('a notebook that becomes a link while it is open is not saved to the target of the link', async () => {
  const page = await new Page(site, 'swapped.ipynb').connect();
  await page.until('the cells', ({ state }) => state.order !== undefined);
  await page.do({ do: 'edit', id: 'other', source: 'mine' });
  unlinkSync(join(site.folder, 'swapped.ipynb'));
  symlinkSync(join(outside, 'secret.ipynb'), join(site.folder, 'swapped.ipynb'));
  assert.notEqual((await site.command('swapped.ipynb', { do: 'save' })).status, 200);
  await site.server.notebooks.close();
  assert.equal(readFileSync(join(outside, 'secret.ipynb'), 'utf8'), secret);
  page.disconnect();
});

test('untrusted outputs are sent only as the text of an attribute, and text is harmless before it is sent', async () => {
  const page = await new Page(site, 'hostile.ipynb').connect();
  await page.until('the cells', ({ state }) => state.cells.hostile?.outputs?.length === payloads.length);
  // An attribute ends at the first quote: a browser treats its contents as text until the page has sanitised them.
  const held = / data-foreign-html="[^"<>]*"/g;
  const sent = page.shown('hostile') + (page.state.cells.text.text?.html ?? '');
  assert.ok((sent.match(held) ?? []).length > 0.9 * payloads.length);
  const html = sent.replace(held, '');
  assert.doesNotMatch(html, /<(script|iframe|object|embed|form|base|meta|link|style|input)\b/i);
  assert.doesNotMatch(html, /<[^>]*\son\w+\s*=/i);
  assert.doesNotMatch(html, /<[^>]*(href|src)\s*=\s*["']?\s*(javascript|vbscript|data:text)/i);
  page.disconnect();
});

test('every response has a policy that runs no inline script and loads nothing from elsewhere', async () => {
  for (const [path, status] of [
    ['/', 200],
    ['/notebooks/small.ipynb', 200],
    ['/assets/live.css', 200],
    ['/nothing', 404],
  ] as const) {
    const { headers, status: got } = await site.ask('GET', path);
    assert.equal(got, status);
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'; script-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.match(policy, /form-action 'none'/);
    assert.doesNotMatch(policy, /https?:|unsafe-eval|\*/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
  }
  const { text } = await site.ask('GET', '/notebooks/small.ipynb');
  assert.doesNotMatch(text, /<script(?! src="\/assets\/)|\son\w+=/);
});

test('requests from the network get no reply', async () => {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const others = addresses
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
  for (const host of [...others, '127.0.0.2']) {
    const reached = await new Promise((resolve) => {
      const socket = connect({ host, port: site.server.port, timeout: 2000 });
      for (const event of ['connect', 'error', 'timeout']) {
        socket.on(event, () => {
          socket.destroy();
          resolve(event);
        });
      }
    });
    assert.notEqual(reached, 'connect', host);
  }
});

test('the browser is opened if there is a screen, by the right program', () => {
  assert.equal(browserCommand({}, 'linux'), undefined);
  assert.deepEqual(browserCommand({ DISPLAY: ':0' }, 'linux'), ['xdg-open']);
  assert.deepEqual(browserCommand({ WAYLAND_DISPLAY: 'w', BROWSER: 'firefox' }, 'linux'), ['firefox']);
  assert.deepEqual(browserCommand({}, 'darwin'), ['open']);
});
