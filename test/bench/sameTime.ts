// Compares L0 gates that are trained to a target time with channels pruned by magnitude to the same time: notebook 01's
// GoogleNet is fine-tuned for the same number of steps with each method, and without any. Magnitude pruning removes the
// same share of each layer's channels (a ranking across layers would hardly reduce the time, because the mean |w| of
// filters depends on the layer): the share at which the predicted time equals the L0 network's. All networks are made
// compact and timed in turns.
//   npm run bench:same-time
//   npm run bench:same-time -- --seeds 5 --share 0.35 --images 1 --train 2560 --epochs 10
//   npm run bench:same-time -- --cpu
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { measureLatencies } from 'sparsebook/compact/report/latency.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { layerTimes } from 'sparsebook/compact/time/layerTimes.js';
import { timePredictor } from 'sparsebook/compact/time/predictedTime.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { scoresOf } from 'sparsebook/experiments/run/measure.js';
import { protocolSettings } from 'sparsebook/experiments/protocols/protocol.js';
import { protocols } from 'sparsebook/experiments/protocols/protocols.js';
import { trainedNetwork } from 'sparsebook/experiments/run/saved.js';
import { openSession, type Session } from 'sparsebook/experiments/run/session.js';
import { givenInWords } from 'sparsebook/experiments/settings/written.js';
import type { ChannelMasks } from 'sparsebook/graph/channelGraph.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { cpuTime, median } from './turns.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    share: { type: 'string', default: '0.5' },
    // The number of images per timed pass.
    images: { type: 'string', default: '128' },
    train: { type: 'string', default: '1280' },
    epochs: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    // Measures the CPU time of one thread instead of wall-clock time, for machines with other load.
    cpu: { type: 'boolean', default: false },
  },
});
const batchSize = Number(options.images);
const timing = options.cpu ? { now: cpuTime } : {};
// The runs read the layer times of this folder, which may be measured in CPU time.
process.env.SPARSEBOOK_DATA = mkdtempSync(join(tmpdir(), 'sparsebook-same-time-'));
const { description } = await useBackend({ threads: options.cpu ? 1 : Number(options.threads) });
const data = await loadData('synthetic', { sizes: { train: Number(options.train), validation: 64, test: 2000 } });
const { model: start } = await trainedNetwork('notebooks/outputs/01-l0-googlenet/pretrained-synthetic');

async function tuned(seed: number, words: string[]): Promise<Session> {
  const given = [`epochs=${options.epochs}`, 'batch_size=64', `seed=${seed}`, 'schedule=one-cycle', ...words];
  const settings = protocolSettings(protocols.experiment, givenInWords(['network=googlenet', ...given]), true);
  const from = { model: start, masks: new Map() };
  const session = await openSession(protocols.experiment.experiment(settings), data, { from });
  for await (const event of session.events()) {
    if (event.type === 'end' && event.reason !== 'finished') throw new Error(event.message);
  }
  return session;
}

/** The share of channels to remove so that the network is predicted to take `ms` milliseconds. */
function shareFor(model: tf.LayersModel, ms: number, predict: (masks: ChannelMasks) => number): number {
  const weights = model.getWeights();
  const before = weights.map((weight) => weight.clone());
  let [low, high] = [0, 0.95];
  for (let i = 0; i < 10; i++) {
    const middle = (low + high) / 2;
    const sparsifier = magnitudeSparsifier(model, { unit: 'channels', scope: 'perLayer' });
    sparsifier.prune(middle);
    if (predict(sparsifier.channelMasks()) > ms) low = middle;
    else high = middle;
    sparsifier.dispose?.();
    model.setWeights(before);
  }
  for (const each of before) each.dispose();
  if (high === 0.95) throw new Error(`pruning cannot bring the network to ${ms} ms`);
  return high;
}

console.log(`${description}; GoogleNet, ${options.share} of the dense time, ${batchSize} images`);
console.log(
  '| seed | method | predicted, ms | measured, ms | of the dense | test accuracy |\n|---|---|---|---|---|---|',
);
const gains: number[] = [];
const predict = timePredictor(start, await layerTimes(start, { batchSize, ...timing }));
const target = Number(options.share) * predict(new Map());
for (let seed = 1; seed <= Number(options.seeds); seed++) {
  const dense = await tuned(seed, []);
  const gates = ['methods=l0', 'l0.droprate_init=0.05', 'l0.lr_gates=0.2', `l0.time_images=${batchSize}`];
  const l0 = await tuned(seed, [...gates, `l0.target_ms=${target}`]);
  const share = shareFor(start, predict(l0.sparsifier!.channelMasks()), predict);
  const channels = ['methods=magnitude', 'magnitude.unit=channels', 'magnitude.scope=perLayer'];
  const magnitude = await tuned(seed, [...channels, `magnitude.prune=${share}`]);
  const runs = { dense, l0, magnitude };
  const masks = Object.values(runs).map((run) => run.sparsifier?.channelMasks() ?? new Map<string, Float32Array>());
  const models = Object.values(runs).map(({ model }, i) => compact(model, masks[i]).model);
  const latencies = await measureLatencies(models, batchSize, { runs: 15, warmUp: 3, ...timing });
  const accuracies: number[] = [];
  for (const [i, [method, run]] of Object.entries(runs).entries()) {
    const { accuracy } = await scoresOf(run, data, 'test');
    accuracies.push(accuracy);
    const { median: measured } = latencies[i];
    const shown = [predict(masks[i]).toFixed(2), measured.toFixed(2), (measured / latencies[0].median).toFixed(3)];
    console.log(`| ${[seed, method, ...shown, accuracy.toFixed(4)].join(' | ')} |`);
  }
  gains.push(100 * (accuracies[1] - accuracies[2]));
  for (const each of [...models, ...Object.values(runs)]) each.dispose();
}
const all = gains.map((gain) => gain.toFixed(2)).join(', ');
console.log(`L0 is better by ${median(gains).toFixed(2)} points (median of ${all}); wanted is at least 0`);
rmSync(process.env.SPARSEBOOK_DATA, { recursive: true, force: true });
process.exit(0);
