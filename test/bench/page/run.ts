// Speed of the gated GoogleNet in a page of Chromium, beside Node and TensorFlow.js's own backends in the same page: each
// round, every contestant makes one step, so that whatever else the machine does falls on all of them.
//   npm run bench:page -- --rounds 8 --width 0.25 --batch 32
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { browserBundle } from 'sparsebook/platform/browserBundle.js';
import { chromiumPath, launchChromium } from '../../notebook/report/chromium.ts';
import { interleave, rate, median } from '../turns.ts';
import type { Answer, Job, Settings } from './contestant.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '8' },
    width: { type: 'string', default: '0.25' },
    batch: { type: 'string', default: '32' },
  },
});
const [rounds, width, batch] = [options.rounds, options.width, options.batch].map(Number);
if (chromiumPath === undefined) throw new Error('no Chromium is installed: install one, or set CHROMIUM');

const [script] = buildSync({
  ...browserBundle(),
  entryPoints: [join(import.meta.dirname, 'pageWorker.ts')],
  format: 'iife',
  write: false,
}).outputFiles;
const wasm = join(import.meta.dirname, '../../../node_modules/@tensorflow/tfjs-backend-wasm/dist');
const types = { html: 'text/html', js: 'text/javascript', wasm: 'application/wasm' };
const isolating = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const server = createServer(({ url = '' }, response) => {
  const files: Record<string, () => [keyof typeof types, string | Uint8Array]> = {
    '/': () => ['html', '<!doctype html><title>bench</title>'],
    '/worker.js': () => ['js', script.text],
  };
  const file = /^\/wasm\/([\w-]+\.wasm)$/.exec(url)?.[1];
  const found = file ? (['wasm', readFileSync(join(wasm, file))] as const) : files[url]?.();
  if (!found) return void response.writeHead(404).end();
  response.writeHead(200, { 'Content-Type': types[found[0]], ...isolating }).end(found[1]);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const browser = await launchChromium();
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
await page.evaluate('window.workers = []');

type Ask = (job: Job) => Promise<Answer>;

function inNode(): Ask {
  const worker = new Worker(new URL('./nodeWorker.ts', import.meta.url));
  return async (job) => {
    worker.postMessage(job);
    const [answer] = (await once(worker, 'message')) as [Answer];
    return answer;
  };
}

async function inPage(): Promise<Ask> {
  const number = await page.evaluate<number>(`workers.push(new Worker('/worker.js')) - 1`);
  return (job) =>
    page.evaluate<Answer>(
      `new Promise((resolve) => {
        workers[${number}].onmessage = (event) => resolve(event.data);
        workers[${number}].postMessage(${JSON.stringify(job)});
      })`,
    );
}

const sides: [string, ask: Ask, Pick<Settings, 'backend' | 'threads'>][] = [];
for (const threads of [1, 2]) sides.push([`Node, simd`, inNode(), { backend: 'simd', threads }]);
for (const threads of [1, 2]) sides.push([`Chromium, simd`, await inPage(), { backend: 'simd', threads }]);
for (const threads of [1, 2])
  sides.push([`Chromium, TensorFlow.js's wasm`, await inPage(), { backend: 'wasm', threads }]);
sides.push([`Chromium, TensorFlow.js's cpu`, await inPage(), { backend: 'cpu', threads: 1 }]);

const contestants = [];
for (const [name, ask, settings] of sides) {
  const ready = await ask({ ...settings, width, batch });
  if ('error' in ready) throw new Error(`${name}: ${ready.error}`);
  contestants.push({ name, ask, threads: settings.threads, lacks: { train: '', forward: '' } });
}
type Contestant = (typeof contestants)[number];

/** What each contestant's turns took; one that cannot says why. */
async function times(what: 'train' | 'forward'): Promise<Map<Contestant, number[]>> {
  for (const contestant of contestants) {
    const first = await contestant.ask(what);
    if ('error' in first) contestant.lacks[what] = first.error;
  }
  const able = contestants.filter(({ lacks }) => !lacks[what]);
  const all = await interleave(able, rounds, async ({ name, ask }) => {
    const answer = await ask(what);
    if ('error' in answer) throw new Error(`${name}: ${answer.error}`);
    return answer.ms;
  });
  return new Map(able.map((contestant, i) => [contestant, all[i]]));
}

const load = (): string => loadavg()[0].toFixed(1);
const before = load();
const training = await times('train');
const forward = await times('forward');
console.log(
  `${cpus()[0].model}, ${cpus().length} cores, Node ${process.versions.node}, Chromium ${browser.version()}; gated GoogleNet of ` +
    `width ${width}, batches of ${batch}, ${rounds} rounds, load ${before} before and ${load()} after\n`,
);
console.log('| contestant | threads | training, images/s | ratio | forward, images/s | ratio |');
console.log('| --- | --- | --- | --- | --- | --- |');
const told = (contestant: Contestant, all: Map<Contestant, number[]>, lacks: string): string[] => {
  const own = all.get(contestant);
  if (!own) return [`none: ${lacks}`, ''];
  return [rate(batch, own), (median(all.get(contestants[0])!) / median(own)).toFixed(2)];
};
for (const contestant of contestants) {
  const { name, threads, lacks } = contestant;
  const cells = [...told(contestant, training, lacks.train), ...told(contestant, forward, lacks.forward)];
  console.log(`| ${[name, threads, ...cells].join(' | ')} |`);
}
await browser.close();
process.exit(0);
