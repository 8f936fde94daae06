// The time saved by compiled plans: forward passes by `model.predict` and by plans take turns in one run.
//   npm run bench:compile
//   npm run bench:compile -- --threads 1 --rounds 20 --networks resnet20 --batches 128 --plans 1,8,128
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { compile } from 'sparsebook/compact/compile.js';
import { c3 } from 'sparsebook/models/c3.js';
import { cnn4 } from 'sparsebook/models/cnn4.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import { interleave, median } from './turns.ts';

const { values: options } = parseArgs({
  options: {
    networks: { type: 'string', default: 'googleNet,resnet20' },
    batches: { type: 'string', default: '1,128' },
    // The batch sizes that the plans are compiled for; by default the sizes of the batches.
    plans: { type: 'string' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '8' },
  },
});
const numbers = (list: string): number[] => list.split(',').map(Number);
const networks = { googleNet, resnet20, resnet18, c3, cnn4 };

const { description } = await useBackend({ backend: 'simd', threads: Number(options.threads) });
console.log(`${description}; medians of ${options.rounds} turns\n`);
console.log('| network | images | how | ms (fastest-slowest) | of predict |\n|---|---|---|---|---|');
for (const name of options.networks.split(',') as (keyof typeof networks)[]) {
  const model = networks[name]({ seed: 1 });
  for (const batch of numbers(options.batches)) {
    const images = tf.randomNormal([batch, ...(model.inputs[0].shape.slice(1) as number[])], 0, 1, 'float32', 1);
    const plans = numbers(options.plans ?? String(batch)).map((batchSize) => {
      const plan = compile(model, { batchSize });
      return { how: `plan for ${batchSize}`, pass: () => plan.predict(images) as tf.Tensor, end: () => plan.dispose() };
    });
    const predict = () => model.predict(images, { batchSize: batch }) as tf.Tensor;
    const contestants = [{ how: 'predict', pass: predict, end: () => undefined }, ...plans];
    const passes = batch === 1 ? 41 : 3;
    const turns = await interleave(contestants, Number(options.rounds), async ({ pass }) => {
      const times: number[] = [];
      for (let i = 0; i <= passes; i++) {
        const began = performance.now();
        const logits = pass();
        await logits.data();
        if (i > 0) times.push(performance.now() - began);
        logits.dispose();
      }
      return median(times);
    });
    contestants.forEach(({ how, end }, i) => {
      const [middle, low, high] = [median(turns[i]), Math.min(...turns[i]), Math.max(...turns[i])];
      const shown = [middle, low, high].map((ms) => ms.toFixed(2));
      const share = (middle / median(turns[0])).toFixed(3);
      console.log(`| ${name} | ${batch} | ${how} | ${shown[0]} (${shown[1]}-${shown[2]}) | ${share} |`);
      end();
    });
    images.dispose();
  }
}
process.exit(0);
