// How hard the built-in images are: a linear model on their pixels, C3, ResNet-20 and GoogleNet at full and half width,
// trained like the shipped GoogleNet by the fast recipe. Runs are kept in data/runs, so that a second start continues
// where the first stopped.
//   npm run bench:images
//   npm run bench:images -- --seeds 3 c3 googlenet
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { experiment, type ExperimentSpec } from 'sparsebook/experiments/experiment.js';
import type { RunRecord } from 'sparsebook/experiments/run/record.js';
import { meanInterval } from 'sparsebook/experiments/results/tables.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '2' },
    epochs: { type: 'string', default: '6' },
    train: { type: 'string', default: '6000' },
    test: { type: 'string', default: '1000' },
  },
});
const epochs = Number(options.epochs);
const machine = await useBackend({});
const sizes = { train: Number(options.train), validation: 500, test: Number(options.test) };
const data = await loadData('synthetic', { sizes });

const fast = { recipe: 'fast', epochs } as const;
const contestants: Record<string, Pick<ExperimentSpec, 'network' | 'recipe'>> = {
  linear: {
    network: tf.sequential({
      name: 'linear',
      layers: [tf.layers.flatten({ inputShape: [32, 32, 3] }), tf.layers.dense({ units: 10, name: 'logits' })],
    }),
    // Its best epoch on the validation images: later it memorises the training images.
    recipe: { lr: 1e-3, weight_decay: 0, schedule: 'one-cycle', epochs: 5 * epochs, select: 'best' },
  },
  c3: { network: 'c3', recipe: fast },
  resnet20: { network: 'resnet20', recipe: fast },
  'googlenet-half': { network: { name: 'googlenet', width: 0.5 }, recipe: fast },
  googlenet: { network: 'googlenet', recipe: fast },
};
const percent = (shares: number[]): string => {
  const { mean, halfWidth } = meanInterval(shares.map((share) => 100 * share));
  return halfWidth === null ? mean.toFixed(1) : `${mean.toFixed(1)} ± ${halfWidth.toFixed(1)}`;
};

console.log(`${data.name}, ${sizes.train} training and ${sizes.test} test images; ${machine.description}`);
console.log('| network | n | training images right, % | test images right, % |');
console.log('|---|---|---|---|');
for (const name of positionals.length > 0 ? positionals : Object.keys(contestants)) {
  const records: RunRecord[] = [];
  for (let seed = 0; seed < Number(options.seeds); seed++) {
    const run = await experiment({ ...contestants[name], data, seed }).finish();
    records.push(run.record);
    run.dispose();
  }
  const shares = [records.map((record) => record.train ?? NaN), records.map((record) => record.test.accuracy)];
  console.log(`| ${[name, records.length, ...shares.map(percent)].join(' | ')} |`);
}
