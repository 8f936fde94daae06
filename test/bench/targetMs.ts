// Whether networks that are trained to a target time take that time: channels are removed at random until half of the
// dense time is predicted to be left; then, as `target_ms` does after each epoch, the prediction is corrected by the
// measured time of that network and channels are removed again. The compact networks and the dense one take turns; the
// corrected networks should be within 10 % of the target.
//   npm run bench:target
//   npm run bench:target -- --networks resnet20 --batches 128 --share 0.7 --draws 3 --threads 1 --again
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
import { measuredTime } from 'sparsebook/compact/time/measuredTime.js';
import { timePredictor } from 'sparsebook/compact/time/predictedTime.js';
import { channelGraph, type ChannelMasks } from 'sparsebook/graph/channelGraph.js';
import type { NetworkOptions } from 'sparsebook/models/networkOptions.js';
import { cpuTime } from './turns.ts';

const { values: options } = parseArgs({
  options: {
    networks: { type: 'string', default: 'googleNet,resnet20,mobileNetV2' },
    batches: { type: 'string', default: '1,128' },
    share: { type: 'string', default: '0.5' },
    draws: { type: 'string', default: '5' },
    // The number of epochs for which the target is held.
    corrections: { type: 'string', default: '4' },
    width: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    again: { type: 'boolean', default: false },
    // Measures the CPU time of one thread instead of wall-clock time, for machines with other load.
    cpu: { type: 'boolean', default: false },
  },
});
const share = Number(options.share);
const draws = Number(options.draws);
const corrections = Number(options.corrections);
// CPU times must not end up in data/times, where runs would read them.
const timing = options.cpu ? { now: cpuTime, root: mkdtempSync(join(tmpdir(), 'sparsebook-times-')) } : {};

const { description } = await useBackend({ threads: options.cpu ? 1 : Number(options.threads) });
console.log(`${description}; ${share} of the dense time asked for`);
console.log(
  '| network | images | draw | dense, ms | compact, ms | of the target | by prediction alone | multiply-adds |',
);
console.log('|---|---|---|---|---|---|---|---|');

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
    const drawn = (draw: number, ms: number): ChannelMasks => {
      let [low, high] = [0, 1];
      for (let i = 0; i < 12; i++) {
        const middle = (low + high) / 2;
        if (predict(drawnMasks(graph, middle, 100 + draw)) < ms) low = middle;
        else high = middle;
      }
      return drawnMasks(graph, high, 100 + draw);
    };
    for (let draw = 1; draw <= draws; draw++) {
      const predicted = drawn(draw, wanted);
      let [corrected, correction] = [predicted, 1];
      for (let i = 0; i < corrections; i++) {
        const measured = await measuredTime(model, corrected, times, timing);
        correction = Math.sqrt((correction * measured) / predict(corrected));
        corrected = drawn(draw, wanted / correction);
      }
      const small = [predicted, corrected].map((masks) => compact(model, masks).model);
      const passes = batchSize < 16 ? { runs: 60, warmUp: 15 } : { runs: 9, warmUp: 2 };
      const pairs: number[][] = [];
      for (const each of small) {
        const latencies = await measureLatencies([model, each], batchSize, { ...passes, ...timing });
        pairs.push(latencies.map(({ median }) => median));
      }
      const adds = completeCount(small[1]).multiplyAdds.full / full;
      const reached = [...pairs.toReversed().map(([dense, ms]) => ms / dense / share), adds].map((value) =>
        value.toFixed(3),
      );
      console.log(`| ${[name, batchSize, draw, ...pairs[1].map((ms) => ms.toFixed(2)), ...reached].join(' | ')} |`);
      for (const each of small) each.dispose();
    }
    console.log(`(layers timed in ${seconds} s)`);
  }
}
process.exit(0);
