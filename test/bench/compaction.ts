// Whether compact networks are as fast as they should be: channels are removed at random, and the compiled plan of the
// compact network takes turns with the plan of the dense one. Its share of the time should be at most 1.15 times its
// share of the multiply-adds with widths in multiples of 4.
//   npm run bench:compaction
//   npm run bench:compaction -- --networks resnet20 --share 0.5 --batches 1,128 --round-to 4,8 --fold --threads 1
//   npm run bench:compaction -- --predict
//   npm run bench:compaction -- --layers --networks googleNet --batches 32 --round-to 4   (where the time goes)
import { parseArgs } from 'node:util';
import type * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { completeCount } from 'sparsebook/compact/counts.js';
import { measureLatencies } from 'sparsebook/compact/report/latency.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { drawnMasks } from 'sparsebook/compact/time/layerTimes.js';
import { channelGraph } from 'sparsebook/graph/channelGraph.js';
import { c3 } from 'sparsebook/models/c3.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import { layerShares } from './layerShares.ts';
import { cpuTime } from './turns.ts';

const { values: options } = parseArgs({
  options: {
    networks: { type: 'string', default: 'googleNet,resnet20,c3,resnet18' },
    batches: { type: 'string', default: '128' },
    // The share of the channels that is kept.
    share: { type: 'string', default: '0.5' },
    width: { type: 'string', default: '1' },
    'round-to': { type: 'string', default: '1,4,8' },
    fold: { type: 'boolean', default: false },
    // Times each layer by itself.
    layers: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '9' },
    threads: { type: 'string', default: '2' },
    // Times model.predict instead of plans.
    predict: { type: 'boolean', default: false },
    // Measures the CPU time of one thread instead of wall-clock time, for machines with other load.
    cpu: { type: 'boolean', default: false },
  },
});
const MARGIN = 1.15;
const numbers = (list: string): number[] => list.split(',').map(Number);
const networks = { googleNet, resnet20, c3, resnet18 };
const timing = { compiled: !options.predict, runs: Number(options.rounds), warmUp: 2 };

const { description } = await useBackend({ threads: options.cpu ? 1 : Number(options.threads) });
console.log(`${description}; ${options.share} of the channels stay`);
console.log(
  '| network | images | widths in multiples of | ms (p10-p90) | of the time | of the multiply-adds | ratio |',
);
console.log('|---|---|---|---|---|---|---|');
for (const name of options.networks.split(',') as (keyof typeof networks)[]) {
  const dense = networks[name]({ widthMultiplier: Number(options.width), seed: 1 });
  const masks = drawnMasks(channelGraph(dense), Number(options.share), 1);
  const multiples = numbers(options['round-to']);
  if (options.layers) {
    for (const batchSize of numbers(options.batches)) {
      const passes = { ...timing, ...(options.cpu && { now: cpuTime }) };
      for (const roundTo of multiples) await layerShares(dense, masks, { roundTo, batchSize, passes });
    }
    dense.dispose();
    continue;
  }
  const small = multiples.map((roundTo) => compact(dense, masks, { roundTo, foldBatchNorm: options.fold }).model);
  const models: tf.LayersModel[] = [dense, ...small];
  const adds = models.map((model) => completeCount(model).multiplyAdds.full);
  for (const batchSize of numbers(options.batches)) {
    const latencies = await measureLatencies(models, batchSize, { ...timing, ...(options.cpu && { now: cpuTime }) });
    for (const [i, { median, p10, p90 }] of latencies.entries()) {
      const [time, share] = [median / latencies[0].median, adds[i] / adds[0]];
      const [middle, low, high] = [median, p10, p90].map((ms) => ms.toFixed(2));
      const verdict = multiples[i - 1] === 4 ? ` (${time <= MARGIN * share ? 'within' : 'above'} ${MARGIN})` : '';
      const shown = [i === 0 ? 'dense' : multiples[i - 1], `${middle} (${low}-${high})`, time.toFixed(3)];
      console.log(
        `| ${[name, batchSize, ...shown, share.toFixed(3), (time / share).toFixed(2) + verdict].join(' | ')} |`,
      );
    }
  }
  for (const model of models) model.dispose();
}
process.exit(0);
