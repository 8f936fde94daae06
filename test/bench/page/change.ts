// A run in a page after a change of a parameter: when the figures of each cell are redrawn, when the run ends, and how
// long the page takes to respond to keys meanwhile. Opened from disk, with one thread, or cross-origin isolated with
// all threads (--isolated).
//   npm run bench:page -- change 01.html lambda_l0 30
//   npm run bench:page -- change 01.html lambda_l0 30 --isolated
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { launchChromium } from '../../notebook/report/chromium.ts';
import { answers, machine, mainThread } from './watch.ts';

const { values: options, positionals } = parseArgs({
  options: { isolated: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const [, file, parameter, value] = positionals;
if (value === undefined) throw new Error('bench:page -- change PAGE PARAMETER VALUE');
/** Resolves when the run ends; polling would slow the page down. */
const ended = `new Promise((resolve) => {
  const running = document.querySelector('.running');
  new MutationObserver(() => running.hidden && resolve()).observe(running, { attributes: true });
})`;

/** The address of the page: on disk, or on a server that isolates it. */
async function addressOf(path: string): Promise<string> {
  if (!options.isolated) return pathToFileURL(path).href;
  const isolating = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
  const server = createServer((_, response) =>
    response.writeHead(200, { 'Content-Type': 'text/html', ...isolating }).end(readFileSync(path)),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Records when the figures of cells change, by the cells' numbers, and what blocked the page's main thread. */
const watch = `
window.moved = {};
window.long = [];
new MutationObserver((changes) => {
  const cells = new Set(changes.flatMap(({ target }) => (target.closest ?? (() => [])).call(target, 'section.here') ?? []));
  for (const cell of cells) if (cell.querySelector('.outputs .plot')) (moved[cell.id] ??= []).push(performance.now());
}).observe(document.querySelector('main'), { subtree: true, childList: true });
new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' });
performance.now()`;

const browser = await launchChromium();
const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
await page.goto(await addressOf(resolve(file)));
await page.locator('html[data-figures=drawn]').waitFor({ state: 'attached', timeout: 300_000 });
await page.locator(`#parameter-${parameter}`).fill(value);
await page.keyboard.press('Tab');
const taken = await mainThread(page);
const began = await page.evaluate<number>(watch);
await page.getByRole('button', { name: 'Run', exact: true }).click();
const keys = (await answers(page, page.evaluate(ended))).map(({ took }) => took);
const seconds = (at: number): string => ((at - began) / 1000).toFixed(1);
console.log(`${file}, ${parameter} = ${value}; Chromium ${browser.version()}, ${machine()}`);
console.log(`the run took ${seconds(await page.evaluate<number>('performance.now()'))} s`);
for (const [cell, times] of Object.entries(await page.evaluate<Record<string, number[]>>('moved')))
  console.log(`${cell}: its figures changed ${times.length} times, first at ${seconds(times[0])} s`);
for (const mark of await page.locator('section.cell:has(.mark:visible)').all())
  console.log(`${await mark.getAttribute('id')}: ${await mark.locator('.mark span').innerText()}`);
const fault = await page.locator('.note:visible, #panel > .fault').allInnerTexts();
fault.filter(Boolean).forEach((text) => console.log(`says: ${text}`));
const slow = keys.filter((time) => time > 100);
console.log(
  `${keys.length} keys, the slowest answers ${keys
    .sort((a, b) => b - a)
    .slice(0, 5)
    .map((time) => time.toFixed(0))
    .join(', ')} ms, ${slow.length} above 100 ms`,
);
const long = await page.evaluate<number[]>('long');
console.log(`${long.length} tasks above 50 ms on the page's thread, the longest ${Math.max(0, ...long).toFixed(0)} ms`);
console.log(`the page's thread took ${(await taken()).toFixed(1)} s of the processor`);
await browser.close();
process.exit(0);
