import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { MOST_PAGES } from 'sparsebook/notebook/live/server/eventStream.js';
import { Page, Site, smallNotebook } from './site.ts';

let site: Site;
before(async () => {
  site = await Site.open({ 'small.ipynb': smallNotebook(), 'other.ipynb': smallNotebook() });
});
after(() => site.close());

/** Asserts that another notebook can still be opened, edited and shown. */
async function isWell(): Promise<void> {
  const page = await new Page(site, 'other.ipynb').connect();
  const source = `// ${Math.random()}`;
  await page.do({ do: 'edit', id: 'other', source });
  await page.until('the edit', ({ state }) => state.cells.other?.text?.source === source);
  page.disconnect();
}

/** Opens a raw connection and sends `head`. */
async function speak(head: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: site.server.port });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(head);
  return socket;
}
const commandHead = (framing: string): string =>
  `POST /api/commands/small.ipynb HTTP/1.1\r\nHost: 127.0.0.1:${site.server.port}\r\nOrigin: ${site.origin}\r\n` +
  `Cookie: ${site.cookie}\r\nX-Key: ${site.key}\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`;

const said = async (socket: Socket): Promise<string> => {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
};

test('invalid commands are refused with the reason, whatever they contain', async () => {
  const nested = '['.repeat(1e5) + ']'.repeat(1e5);
  for (const body of [
    '{"do":"edit","id":"other"',
    'null',
    '{"do":["save"]}',
    `{"do":${nested}}`,
    `{"do":"edit","id":${nested},"source":""}`,
    `{"do":"set","name":"lambda_l0","value":${nested}}`,
    '{"do":"__proto__"}',
    '{"do":"run","ids":["../../x"]}',
    '{"do":"insert","type":"constructor","index":0,"id":"x"}',
    '{"do":"move","id":"other","index":-1}',
    '{"do":"edit","id":"__proto__","source":""}',
  ]) {
    const headers = { 'content-type': 'application/json', origin: site.origin };
    const { status, text } = await site.ask('POST', '/api/commands/small.ipynb', headers, body);
    assert.equal(status, 400, `${body.slice(0, 80)}: ${text}`);
    assert.match(text, /"error":".+"/);
  }
  await isWell();
});

test('a body that never ends gets a reply and is cut off, and an incomplete one is forgotten', async () => {
  const endless = await speak(commandHead('Transfer-Encoding: chunked'));
  const answer = said(endless);
  const piece = 'x'.repeat(0x10000);
  // Until the server closes the connection.
  const push = (): void => {
    while (!endless.destroyed && endless.write(`10000\r\n${piece}\r\n`));
  };
  endless.on('drain', push);
  push();
  assert.match(await answer, /^(HTTP\/1\.1 400 [^]*a command must have at most 20000000 bytes|$)/);
  const half = await speak(commandHead('Content-Length: 1000') + '{"do":"edit"');
  await sleep(50);
  half.destroy();
  for (const garbage of ['\0\0\0', 'GET / HTTP/9.9\r\n\r\n', `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(9999)}\r\n`]) {
    assert.match(await said(await speak(garbage)), /^(HTTP\/1\.1 [45]\d\d |$)/);
  }
  await isWell();
});

test('a page that does not read blocks nothing, and gets the latest state instead of all intermediate ones', async () => {
  const slow = await site.begin('GET', '/api/events/small.ipynb');
  slow.pause();
  const page = new Page(site, 'small.ipynb');
  const source = (round: number): string => `// round ${round}\n${'x'.repeat(1e6)}`;
  for (let round = 0; round <= 40; round++) {
    await page.do({ do: 'edit', id: 'other', source: source(round) });
    await sleep(round % 10 === 0 ? 60 : 0);
  }
  await isWell();
  let received = 0;
  let text = '';
  for await (const chunk of slow.setEncoding('utf8') as AsyncIterable<string>) {
    received += chunk.length;
    text = text.slice(-200) + chunk;
    if (text.includes('// round 40')) break;
  }
  assert.ok(received < 20e6, `${received} characters`);
});

test('the number of pages is limited; when pages disconnect, there is room again', async () => {
  const pages: IncomingMessage[] = [];
  for (let n = 0; n < MOST_PAGES + 20; n++) pages.push(await site.begin('GET', '/api/events/small.ipynb'));
  assert.ok(pages.filter(({ statusCode }) => statusCode === 200).length <= MOST_PAGES);
  const { status, text } = await site.ask('GET', '/api/events/small.ipynb');
  assert.equal(status, 400);
  assert.match(text, /100 pages are open at once/);
  const [first] = pages;
  first.destroy();
  for (const page of pages) page.destroy();
  await sleep(200);
  await isWell();
});
