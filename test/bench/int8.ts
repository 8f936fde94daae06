// How much integers gain: compiled plans of compact networks in floats and in int8, batch norms folded in both, take
// turns; also how much accuracy the stored networks lose, and how large their files are.
//   npm run bench:int8
//   npm run bench:int8 -- --rounds 8 --threads 1 --networks googlenet,resnet20
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { Random, deriveSeed } from 'sparsebook/backend/random.js';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { compile, type CompiledPlan } from 'sparsebook/compact/compile.js';
import { saveSafetensors } from 'sparsebook/compact/export/safetensors.js';
import { compact, type Compaction } from 'sparsebook/compact/shrink/compact.js';
import { batches } from 'sparsebook/data/batches.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { defaultNormalise } from 'sparsebook/data/normalise.js';
import { trainedNetwork } from 'sparsebook/experiments/run/saved.js';
import { c3 } from 'sparsebook/models/c3.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import { evaluate } from 'sparsebook/training/evaluate.js';
import { inputOf } from 'sparsebook/training/loss.js';
import { interleave, median } from './turns.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
    images: { type: 'string', default: '1000' },
    networks: { type: 'string', default: 'googlenet,pruned,resnet20,c3' },
  },
});
const { description } = await useBackend({ backend: 'simd', threads: Number(options.threads) });
const rounds = Number(options.rounds);
const test = Number(options.images);
const data = await loadData('synthetic', {
  seed: deriveSeed(1, 'notebook'),
  sizes: { train: 256, validation: 1, test },
});
const [first] = batches(data.train, { batchSize: 256, normalise: defaultNormalise });
const calibration = inputOf(first).x;

const stored = async (): Promise<tf.LayersModel> => {
  const network = await trainedNetwork('notebooks/outputs/01-l0-googlenet/pretrained-synthetic');
  return network.model;
};

/** Masks that close a random share of the channels of each gated branch. */
function closed(model: tf.LayersModel, share: number): Map<string, Float32Array> {
  const random = new Random(1);
  const branches = model.layers.filter(({ name }) => /^block\d_(1x1|3x3|5x5|pool)_conv$/.test(name));
  return new Map(
    branches.map(({ name, outputShape }) => {
      const channels = (outputShape as number[])[3];
      return [name, Float32Array.from({ length: channels }, () => Number(random.next() >= share))];
    }),
  );
}

/** Networks by name; the accuracy of trained ones is measured too. */
const networks: Record<string, () => Promise<{ compaction: Compaction; trained: boolean }>> = {
  async googlenet() {
    return { compaction: compact(await stored(), undefined, { precision: 'int8', calibration }), trained: true };
  },
  async pruned() {
    const model = await stored();
    const settings = { precision: 'int8', calibration, absorb: false } as const;
    return { compaction: compact(model, closed(model, 0.8), settings), trained: false };
  },
  resnet20: () =>
    Promise.resolve({
      compaction: compact(resnet20({ seed: 1 }), undefined, { precision: 'int8', calibration }),
      trained: false,
    }),
  c3: () =>
    Promise.resolve({
      compaction: compact(c3({ seed: 1 }), undefined, { precision: 'int8', calibration }),
      trained: false,
    }),
};

async function pass(plan: CompiledPlan, images: tf.Tensor): Promise<number> {
  const began = performance.now();
  const logits = plan.predict(images) as tf.Tensor;
  await logits.data();
  logits.dispose();
  return performance.now() - began;
}

async function bytesOf(model: tf.LayersModel): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'sparsebook-int8-'));
  const file = join(folder, 'network.safetensors');
  await saveSafetensors(model, file);
  const { size } = statSync(file);
  rmSync(folder, { recursive: true });
  return size;
}

console.log(`${description}; ${rounds} rounds\n`);
console.log(
  '| network | batch | float, ms | int8, ms | times as fast | float, bytes | int8, bytes | accuracy, float | int8 |',
);
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const name of options.networks.split(',')) {
  const { compaction, trained } = await networks[name]();
  const models = [compaction.float!, compaction.model];
  const bytes = [await bytesOf(models[0]), await bytesOf(models[1])];
  const shares: string[] = [];
  for (const model of trained ? models : []) {
    const { accuracy } = await evaluate(model, data.test);
    shares.push(`${(100 * accuracy).toFixed(2)} %`);
  }
  for (const batch of [1, 128]) {
    const images = tf.randomNormal([batch, 32, 32, 3], 0, 1, 'float32', 1);
    const plans = models.map((model) => compile(model, { batchSize: batch }));
    const times = await interleave(plans, rounds, async (plan) => {
      const turns: number[] = [];
      for (let i = 0; i < (batch === 1 ? 22 : 4); i++) turns.push(await pass(plan, images));
      // In the first pass the caches still hold the other plan's data.
      return median(turns.slice(1));
    });
    images.dispose();
    for (const plan of plans) plan.dispose();
    const [float, int8] = times.map(median);
    const cells = [name, batch, float.toFixed(2), int8.toFixed(2), (float / int8).toFixed(2)];
    console.log(`| ${[...cells, ...bytes, shares[0] ?? '', shares[1] ?? ''].join(' | ')} |`);
  }
}
process.exit(0);
