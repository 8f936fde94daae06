// How long a page takes to open from disk: until its text is painted, until its parameter panel is there, and how long
// it then takes to respond to a key. In a browser that is already running and in a browser that is started with the
// page, taking turns.
//   npm run bench:page -- open 01.html --rounds 5
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright-core';
import { chromiumPath, launchChromium } from '../../notebook/report/chromium.ts';
import { answers, machine, mainThread, range } from './watch.ts';

const { values: options, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '5' } },
  allowPositionals: true,
});
const address = pathToFileURL(resolve(positionals[1] ?? '01.html')).href;
/** Wall-clock seconds since the start, and CPU seconds where the system can report them. */
type Times = Record<'painted' | 'panel' | 'slowest answer after that', number> &
  Partial<Record<'page, of the processor, until its figures are drawn', number>>;

async function measured(page: Page, began: number): Promise<Times> {
  const drawn = page.locator('html[data-figures=drawn]').waitFor({ state: 'attached', timeout: 300_000 });
  const keys = await answers(page, drawn);
  const [painted, panel] = await page.evaluate<number[]>(
    `['first-contentful-paint', 'panel'].map((name) => performance.timeOrigin + performance.getEntriesByName(name)[0].startTime)`,
  );
  const later = keys.filter(({ at }) => at >= Math.max(painted, panel)).map(({ took }) => took / 1000);
  return {
    painted: (painted - began) / 1000,
    panel: (panel - began) / 1000,
    'slowest answer after that': Math.max(...later),
  };
}

const running = await launchChromium();
await (await running.newPage()).goto('about:blank');

async function inRunning(): Promise<Times> {
  const page = await running.newPage();
  const taken = await mainThread(page);
  const began = Date.now();
  await page.goto(address, { waitUntil: 'commit' });
  const times = await measured(page, began);
  times['page, of the processor, until its figures are drawn'] = await taken();
  await page.close();
  return times;
}

async function fromStart(): Promise<Times> {
  const profile = mkdtempSync(join(tmpdir(), 'open-'));
  const began = Date.now();
  const browser = spawn(
    chromiumPath!,
    [
      ...['headless', 'no-sandbox', 'disable-gpu', 'no-first-run', 'disable-background-networking', 'disable-sync'],
      ...['remote-debugging-port=0', `user-data-dir=${profile}`],
    ]
      .map((name) => `--${name}`)
      .concat(address),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  const listening = new Promise<string>((found) =>
    browser.stderr.on('data', (data: Buffer) => {
      said += String(data);
      const [, endpoint] = /DevTools listening on (\S+)/.exec(said) ?? [];
      if (endpoint) found(endpoint);
    }),
  );
  const driven = await chromium.connectOverCDP(await listening);
  const [page] = driven.contexts()[0].pages();
  const times = await measured(page, began);
  await driven.close();
  browser.kill();
  await once(browser, 'exit');
  rmSync(profile, { recursive: true, maxRetries: 5 });
  return times;
}

const ways = { 'in a browser that runs': inRunning, 'with the start of the browser': fromStart };
const all = new Map<string, Times[]>(Object.keys(ways).map((name) => [name, []]));
for (let round = 0; round < Number(options.rounds); round++)
  for (const [name, open] of Object.entries(ways)) all.get(name)!.push(await open());
console.log(`${address}, seconds, median (range) of ${options.rounds}; Chromium ${running.version()}, ${machine()}`);
for (const [name, rounds] of all) {
  console.log(name);
  for (const what of Object.keys(rounds[0]) as (keyof Times)[])
    console.log(`  ${what}: ${range(rounds.map((times) => times[what]!))}`);
}
await running.close();
process.exit(0);
