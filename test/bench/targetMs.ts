// How well the times of layers predict those of networks: channels are cut at random until half of the dense time is
// predicted to be left, and the compact network and the dense one take turns. Measured and predicted should be within
// 10 %.
//   npm run bench:target
//   npm run bench:target -- --networks resnet20 --batches 128 --share 0.7 --draws 3 --round-to 4 --threads 1 --again
//   npm run bench:target -- --cpu
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { completeCount } from 'sparsebook/compact/counts.js';
import { measureLatencies } from 'sparsebook/compact/report/latency.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { drawnMasks, layerTimes } from 'sparsebook/compact/time/layerTimes.js';
import { timePredictor } from 'sparsebook/compact/time/predictedTime.js';
import { channelGraph } from 'sparsebook/graph/channelGraph.js';
import type { NetworkOptions } from 'sparsebook/models/networkOptions.js';
import { cpuTime } from './turns.ts';

const { values: options } = parseArgs({
  options: {
    networks: { type: 'string', default: 'googleNet,resnet20,mobileNetV2' },
    batches: { type: 'string', default: '1,128' },
    share: { type: 'string', default: '0.5' },
    draws: { type: 'string', default: '3' },
    width: { type: 'string', default: '1' },
    'round-to': { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    again: { type: 'boolean', default: false },
    // Counts the processor's time of one thread, in place of the clock's: for a machine that does other things too.
    cpu: { type: 'boolean', default: false },
  },
});
const share = Number(options.share);
const draws = Number(options.draws);
const roundTo = Number(options['round-to']);
// Such times are not those that others want to find in data/times.
const timing = options.cpu ? { now: cpuTime, root: mkdtempSync(join(tmpdir(), 'sparsebook-times-')) } : {};

const { description } = await useBackend({ threads: options.cpu ? 1 : Number(options.threads) });
console.log(`${description}; widths multiples of ${roundTo}, ${share} of the dense time asked for`);
console.log(
  '| network | images | draw | dense, ms | predicted, ms | measured, ms | of the predicted | of the dense | multiply-adds |',
);
console.log('|---|---|---|---|---|---|---|---|---|');

for (const name of options.networks.split(',')) {
  const built = (await import(`sparsebook/models/${name}.js`)) as Record<
    string,
    (options: NetworkOptions) => tf.LayersModel
  >;
  const model = built[name]({ widthMultiplier: Number(options.width), seed: 1 });
  const graph = channelGraph(model);
  const full = completeCount(model).multiplyAdds.full;
  for (const batchSize of options.batches.split(',').map(Number)) {
    const began = performance.now();
    const times = await layerTimes(model, { batchSize, again: options.again, ...timing });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const predict = timePredictor(model, times);
    const wanted = share * predict(new Map());
    const masks = Array.from({ length: draws }, (_, draw) => {
      let [low, high] = [0, 1];
      for (let i = 0; i < 12; i++) {
        const middle = (low + high) / 2;
        if (predict(drawnMasks(graph, middle, 100 + draw), { roundTo }) < wanted) low = middle;
        else high = middle;
      }
      return drawnMasks(graph, high, 100 + draw);
    });
    const small = masks.map((each) => compact(model, each, { roundTo }).model);
    const passes = batchSize < 16 ? { runs: 60, warmUp: 15 } : { runs: 9, warmUp: 2 };
    const [dense, ...measured] = await measureLatencies([model, ...small], batchSize, { ...passes, now: timing.now });
    masks.forEach((each, draw) => {
      const [ms, predicted] = [measured[draw].median, predict(each, { roundTo })];
      const adds = completeCount(small[draw]).multiplyAdds.full / full;
      const shares = [ms / predicted, ms / dense.median, adds].map((value) => value.toFixed(3));
      const all = [dense.median, predicted, ms].map((value) => value.toFixed(2));
      console.log(`| ${[name, batchSize, draw + 1, ...all, ...shares].join(' | ')} |`);
    });
    console.log(`(layers timed in ${seconds} s)`);
    for (const each of small) each.dispose();
  }
}
process.exit(0);
