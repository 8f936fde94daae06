// How long a reader waits after `npm start -- 01`, on a built tree: for the address, for the page's first bytes, for
// the cells, and for the result of the first code cell. Measured with a client that only speaks HTTP, and with Chromium
// on the same cores, taking turns.
//   npm run bench:start
//   npm run bench:start -- --rounds 10
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { packageRoot } from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { launchChromium, skipWithoutChromium } from '../notebook/report/chromium.ts';

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const CELL = 'parameters';
/** Seconds after `npm start`. */
type Times = Record<string, number>;

// A copy, because the server may save to it.
const folder = join(packageRoot, 'dist', 'bench-start');
mkdirSync(folder, { recursive: true });
const notebook = join(folder, 'first.ipynb');

async function start(): Promise<{ server: ChildProcess; address: URL; now: () => number }> {
  cpSync(join(packageRoot, 'notebooks', '01-l0-googlenet.ipynb'), notebook);
  const begin = performance.now();
  const server = spawn('npm', ['start', '--', notebook, '--no-browser'], { cwd: packageRoot, detached: true });
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (data: Buffer) => (said += String(data)));
  for (;;) {
    const address = /http:\/\/\S+/.exec(said)?.[0];
    if (address) return { server, address: new URL(address), now: () => (performance.now() - begin) / 1000 };
    if (server.exitCode !== null) throw new Error(said);
    await sleep(10);
  }
}

async function overHttp(address: URL, now: () => number): Promise<Times> {
  const page = await fetch(address);
  const [, key = ''] = /<meta name="key" content="(\w+)">/.exec(await page.text()) ?? [];
  const times: Times = { page: now() };
  const headers = { cookie: page.headers.getSetCookie()[0].split(';')[0], 'x-key': key, origin: address.origin };
  const command = JSON.stringify({ do: 'run', ids: [CELL] });
  await fetch(`${address.origin}/api/commands/first.ipynb`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: command,
  });
  const events = await fetch(`${address.origin}/api/events/first.ipynb`, { headers });
  let text = '';
  for await (const chunk of events.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes(`"${CELL}"`)) times.cells ??= now();
    // The cell has a number once it has run.
    if (new RegExp(`"${CELL}":\\{[^}]*"run":\\{"state":"idle","count":1\\b`).test(text)) break;
  }
  return { ...times, answer: now() };
}

/**
 * The page itself runs the cell once it is there, and logs when it has: a polling driver would take CPU time itself.
 */
const runsItself = `
let seen = 'nothing';
new MutationObserver(() => {
  const cell = document.querySelector('.cell[data-id="${CELL}"]');
  if (!cell) return;
  const idle = cell.dataset.state === 'idle';
  if (seen === 'nothing' && document.querySelector('.cell.selected')) {
    console.log((seen = 'cells'));
    cell.querySelector('.run').click();
  } else if (seen === 'cells' && !idle) seen = 'running';
  else if (seen === 'running' && idle) console.log((seen = 'answer'));
}).observe(document, { subtree: true, childList: true, attributes: true });`;

async function inTab(tab: Page, address: URL, now: () => number): Promise<Times> {
  const said = (word: string): Promise<unknown> => tab.waitForEvent('console', (message) => message.text() === word);
  const [cells, answer] = [said('cells'), said('answer')];
  await tab.goto(address.href, { waitUntil: 'commit' });
  const times: Times = { page: now() };
  await cells;
  times.cells = now();
  await answer;
  times.answer = now();
  await tab.close();
  return times;
}

const browser = skipWithoutChromium ? undefined : await launchChromium();
const measured = new Map<string, Times[]>();
for (let round = 0; round < Number(options.rounds); round++) {
  for (const name of browser ? ['over HTTP', 'in Chromium'] : ['over HTTP']) {
    const tab = name === 'over HTTP' ? undefined : await browser?.newPage();
    await tab?.addInitScript(runsItself);
    await sleep(1000);
    const { server, address, now } = await start();
    const times = { address: now(), ...(await (tab ? inTab(tab, address, now) : overHttp(address, now))) };
    measured.set(name, [...(measured.get(name) ?? []), times]);
    process.kill(-server.pid!, 'SIGINT');
    await once(server, 'exit');
  }
}
await browser?.close();
rmSync(folder, { recursive: true });

console.log(
  `seconds after npm start, median (range) of ${options.rounds}; ${cpus().length} x ${cpus()[0].model}, Node ${process.version}`,
);
for (const [name, rounds] of measured) {
  const columns = Object.keys(rounds[0]).map((what) => {
    const sorted = rounds.map((times) => times[what]).sort((a, b) => a - b);
    const [low, middle, high] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)!].map((time) => time.toFixed(2));
    return `${what} ${middle} (${low} to ${high})`;
  });
  console.log(`${name.padEnd(12)} ${columns.join('   ')}`);
}
