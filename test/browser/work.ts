// The work that test/browser/browser.test.ts does with the library of Node and with the browser's; prints the result as
// JSON.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type * as browser from 'sparsebook/browser.js';

type Library = typeof browser;

const checkpoint = 'outputs/01-l0-googlenet/pretrained-synthetic';

/**
 * Loads the browser's library, which takes this process for a worker in a page, or Node's, with the page's additions.
 */
async function load(where: string): Promise<Library> {
  if (where === 'node') return import('sparsebook/browser.js');
  Object.assign(globalThis, { WorkerGlobalScope: class {} });
  // Browsers support this by default, and so does Node from 22 on.
  if (Number.parseInt(process.versions.node) < 22) setFlagsFromString('--experimental-wasm-relaxed-simd');
  const sb = await import('sparsebook/browser');
  const files = readdirSync(checkpoint).map((name) => join(checkpoint, name));
  sb.mount(Object.fromEntries(files.map((file) => [file, readFileSync(file)])));
  return sb;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function weightsOf(sb: Library, run: browser.Run): Promise<string> {
  const { model } = await run.network();
  const tensors = [...sb.namedWeights(model)].map(([name, weight]) => {
    const { shape } = weight;
    return [name, { shape: shape as number[], values: weight.read().dataSync<'float32'>() }] as const;
  });
  return sha256(sb.encodeSafetensors(new Map(tensors)));
}

/** The result of a run, without when, where and how fast. */
function lasting({ record }: browser.Run): object {
  const { date: _, seconds: __, machine: ___, ...rest } = record;
  return rest;
}

/**
 * Trains with gates, from scratch and from a mounted checkpoint, with a stop in between, and requests a finished run
 * again.
 */
async function training(sb: Library, root: string): Promise<unknown> {
  const data = await sb.loadData('synthetic', { seed: 3, sizes: { train: 48, validation: 16, test: 16 } });
  const spec = { protocol: 'l0-googlenet', data, root, batch_size: 16, lambda_l0: 20, seed: 1 } as const;
  const small = { ...spec, width: 0.1, epochs: 3, lr_gates: 0.5, name: 'small' };
  let seen = 0;
  const stopped = sb.experiment(small);
  for await (const event of stopped.events(sb.interruptSignal())) {
    if (event.type === 'step' && ++seen === 4) sb.interrupt();
  }
  const gone = await sb.experiment(small).finish(sb.interruptSignal());
  const again: string[] = [];
  for await (const event of sb.experiment(small).events()) if (event.type === 'loaded') again.push(event.run);
  const tuned = sb.experiment({ ...spec, start: checkpoint, epochs: 1, batch_size: 48, droprate_init: 0.05 });
  await tuned.finish();
  const own = sb.experiment({
    network: sb.c3({ widthMultiplier: 0.125, seed: 1 }),
    data,
    root,
    methods: { name: 'magnitude', prune: 0.5 },
    recipe: { epochs: 1, batch_size: 16, optimizer: 'sgd', momentum: 0.9, lr: 0.05 },
  });
  await own.finish();
  const compaction = sb.compact((await gone.network()).model, (await gone.network()).channelMasks());
  return {
    stopped: stopped.history.at(-1)?.type,
    isFinished: stopped.isFinished,
    records: [gone, tuned, own].map(lasting),
    weights: [await weightsOf(sb, gone), await weightsOf(sb, tuned), await weightsOf(sb, own)],
    events: gone.history.map(({ type }) => type).join(),
    again,
    widths: compaction.widths,
  };
}

/** What cells show, save and read. */
async function showing(sb: Library): Promise<unknown> {
  const shown: unknown[] = [];
  const write: browser.CellRunner['write'] = ({ data, metadata }, update) => {
    const { 'application/vnd.plotly.v1+json': figure, ...rest } = data;
    shown.push([Object.keys(data), rest, (figure as browser.Figure | undefined)?.layout.title, metadata, update]);
  };
  sb.showIn({ write, drawsFigures: true });
  const rows = [
    { run: 'a | <b>', accuracy: 0.1 + 0.2, epochs: 3, best: true, left: null },
    { run: '', accuracy: NaN, epochs: 1e9, best: false, left: 0.25 },
  ];
  sb.table(sb.dataFrame(rows), { caption: 'Runs', formats: { left: 1 } });
  sb.table(sb.dataFrame([]));
  sb.show(sb.penaltyCurve());
  sb.liveFigure(sb.penaltyCurve()).done();
  sb.display({ 'text/plain': 'x' }).update({ 'text/plain': 'y' });
  void sb.markdown`**bold**`;
  const images = await sb.loadData('synthetic', { sizes: { train: 20, validation: 10, test: 10 } });
  sb.show(sb.exampleImages(images.train, { columns: 5, count: 10 }), { scale: 1 });
  const path = sb.saveOutput('00-test', 'results.json', { rows });
  const stored = await sb.trainedNetwork(checkpoint);
  const read = [sb.savedOutput('00-test', 'results.json'), sb.savedOutput('00-test', 'none.json')];
  return {
    shown,
    path,
    read,
    epoch: stored.checkpoint.epoch,
    data: sb.describeData(images),
    names: Object.keys(sb),
  };
}

/** The errors of functions that need Node, thrown where it is missing. */
async function refusing(sb: Library): Promise<unknown> {
  const calls = {
    getCifar10: () => sb.getCifar10({ to: 'x' }),
    loadData: () => (sb.mount({ 'mine/train/cat/1.png': new Uint8Array(1) }), sb.loadData('mine')),
    'data=cifar10': () => sb.loadData('cifar10'),
    encodeOnnx: () => sb.encodeOnnx(sb.c3()),
    saveOnnx: () => sb.saveOnnx(sb.c3(), 'x.onnx'),
    follow: () => sb.follow(),
    loadSweep: () => sb.loadSweep('x'),
    renderPng: () => sb.renderPng(sb.penaltyCurve()),
  };
  const said: Record<string, string> = {};
  for (const [name, call] of Object.entries(calls)) {
    try {
      await call();
      said[name] = 'nothing';
    } catch (error) {
      said[name] = String(error);
    }
  }
  return said;
}

const [where, what, folder] = process.argv.slice(2);
const sb = await load(where);
await sb.useBackend({ backend: 'simd', threads: 1 });
const root = where === 'node' ? folder : '/sparsebook/data/runs';
const works = { training: () => training(sb, root), showing: () => showing(sb), refusing: () => refusing(sb) };
const result = await works[what as keyof typeof works]();
console.log(`\n${JSON.stringify(result)}`);
process.exit();
