// Speed of the gated GoogleNet in a page of Chromium, compared with Node and with TensorFlow.js's own backends in the
// same page: every contestant makes a few steps per round, so that other load on the machine affects all of them.
//   npm run bench:page -- --rounds 8 --width 0.25 --batch 32
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildSync } from 'esbuild';
import { browserBundle } from 'sparsebook/platform/browserBundle.js';
import { chromiumPath, launchChromium } from '../../notebook/report/chromium.ts';
import { WARM_UP, interleave, median, rate } from '../turns.ts';
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
  const child = fork(join(import.meta.dirname, 'nodeProcess.ts'));
  return async (job) => {
    child.send(job);
    const [answer] = (await once(child, 'message')) as [Answer];
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

interface Contestant extends Settings {
  name: string;
  ask: Ask;
}

/** The batch size for TensorFlow.js's cpu backend, which takes seconds per image. */
const FEW = 2;
/** A turn longer than this many milliseconds is not repeated: the first one counts. */
const LONG = 10_000;

/**
 * Turns shorter than this many milliseconds take several steps, because the first steps find cold caches and sleeping
 * threads.
 */
const SHORT = 500;
/** The number of steps in a short turn: the first two warm up, the median of the rest counts. */
const STEPS = 7;

// The epoch never ends during the benchmark: one step for a first time, the warm-up and the rounds.
const steps = 1 + (WARM_UP + rounds) * STEPS + 1;

const contestants: Contestant[] = [];
for (const threads of [1, 2]) {
  const simd = { backend: 'simd', threads, width, batch, steps } as const;
  contestants.push({ name: 'Node, simd', ask: inNode(), ...simd });
  contestants.push({ name: 'Chromium, simd', ask: await inPage(), ...simd });
  contestants.push({ name: "Chromium, TensorFlow.js's wasm", ask: await inPage(), ...simd, backend: 'wasm' });
}
const cpu = { backend: 'cpu', threads: 1, width, batch: FEW, steps } as const;
contestants.push({ name: "Chromium, TensorFlow.js's cpu", ask: await inPage(), ...cpu });
for (const { name, ask, ...settings } of contestants) {
  const ready = await ask(settings);
  if ('error' in ready) throw new Error(`${name}: ${ready.error}`);
}

/** The milliseconds that each contestant's turns took, or the reason why it has none. */
async function turns(job: 'train' | 'forward'): Promise<Map<Contestant, number[] | string>> {
  const all = new Map<Contestant, number[] | string>();
  const again: Contestant[] = [];
  for (const contestant of contestants) {
    const first = await contestant.ask(job);
    all.set(contestant, 'error' in first ? first.error : [first.ms]);
    if ('ms' in first && first.ms < LONG) again.push(contestant);
  }
  const times = await interleave(again, rounds, async (contestant) => {
    const [first] = all.get(contestant) as number[];
    const took: number[] = [];
    for (let i = 0; i < (first < SHORT ? STEPS : 1); i++) {
      const answer = await contestant.ask(job);
      if ('error' in answer) throw new Error(`${contestant.name}: ${answer.error}`);
      took.push(answer.ms);
    }
    return median(took.length > 1 ? took.slice(2) : took);
  });
  again.forEach((contestant, i) => all.set(contestant, times[i]));
  return all;
}

const load = (): string => loadavg()[0].toFixed(1);
const before = load();
const jobs = [await turns('train'), await turns('forward')];
console.log(
  `${cpus()[0].model}, ${cpus().length} cores, Node ${process.versions.node}, Chromium ${browser.version()}; gated GoogleNet of ` +
    `width ${width}, batches of ${batch} (cpu: ${FEW}), ${rounds} rounds, load ${before} before and ${load()} after\n`,
);
console.log('| contestant | threads | training, images/s | ratio | forward, images/s | ratio |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const contestant of contestants) {
  const { name, threads, batch } = contestant;
  const cells = jobs.flatMap((all) => {
    const times = all.get(contestant)!;
    if (typeof times === 'string') return [`none: ${times}`, ''];
    const best = all.get(contestants[0]) as number[];
    const ratio = ((batch / median(times)) * median(best)) / contestants[0].batch;
    return [rate(batch, times), contestant === contestants[0] ? '' : ratio.toPrecision(2)];
  });
  console.log(`| ${[name, threads, ...cells].join(' | ')} |`);
}
await browser.close();
process.exit(0);
