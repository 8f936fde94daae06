// What a compaction is worth in time: forward passes of GoogleNet without gates, with half of its parameters gated away
// at random, and made smaller, in turns. The small one should be at least as fast as its share of multiply-adds
// predicts, within 30 %.
//   npm run bench:compaction
//   npm run bench:compaction -- --sparsity 0.7 --threads 1 --rounds 60 --width 0.5 --round-to 4
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { Random } from 'sparsebook/backend/random.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { completeCount } from 'sparsebook/compact/count/counts.js';
import { reportText } from 'sparsebook/compact/report/compactionReport.js';
import { percentile } from 'sparsebook/compact/report/latency.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';

const { values: options } = parseArgs({
  options: {
    sparsity: { type: 'string', default: '0.5' },
    width: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '30' },
    threads: { type: 'string', default: '2' },
    backend: { type: 'string', default: 'auto' },
    // Widths as they come, and rounded up to what the backend computes at a time.
    'round-to': { type: 'string', multiple: true, default: ['1', '4', '8'] },
  },
});
const rounds = Number(options.rounds);
const WARM_UP = 5;
const MARGIN = 1.3;

const machine = await useBackend({ backend: options.backend as 'auto', threads: Number(options.threads) });
const shape = { widthMultiplier: Number(options.width), seed: 1 };
const dense = googleNet(shape);
const masked = googleNet({ ...shape, gates: true });
for (const layer of dense.layers) masked.getLayer(layer.name).setWeights(layer.getWeights());

// Each gate has a number of its own; those below the limit are closed, and the limit is sought that gives the sparsity.
const random = new Random(1);
const numbers = gatesOf(masked).map((gate) => Float32Array.from({ length: gate.logAlpha.size }, () => random.next()));
const sparsifier = l0Sparsifier(masked, { lambda_l0: 1 });
const close = (limit: number): number => {
  gatesOf(masked).forEach((gate, g) =>
    tf.tidy(() => gate.logAlpha.assign(tf.tensor1d(numbers[g].map((u) => (u < limit ? -5 : 1.5))))),
  );
  return completeCount(masked, sparsifier.channelMasks()).sparsity;
};
let [low, high] = [0, 1];
for (let i = 0; i < 20; i++) {
  const middle = (low + high) / 2;
  if (close(middle) < Number(options.sparsity)) low = middle;
  else high = middle;
}
const masks = sparsifier.channelMasks();
console.log(`${machine.description}; ${rounds} rounds`);

interface Contestant {
  name: string;
  model: tf.LayersModel;
  /** Its multiply-adds as a share of the dense network's. */
  share: number;
}
const contestants: Contestant[] = [
  { name: 'dense', model: dense, share: 1 },
  { name: 'masked', model: masked, share: 1 },
];
for (const roundTo of options['round-to'].map(Number)) {
  for (const foldBatchNorm of [false, true]) {
    const compaction = compact(masked, masks, { roundTo, foldBatchNorm });
    const report = await compaction.report({ batchSizes: [] });
    const rounded = roundTo === 1 ? 'compact' : `compact, widths multiples of ${roundTo}`;
    const name = foldBatchNorm ? `${rounded}, batch norms folded` : rounded;
    console.log(`\n${name}: ${reportText(report)}`);
    const share = report.multiplyAdds.compact / report.multiplyAdds.dense;
    contestants.push({ name, model: compaction.model, share });
  }
}

async function pass(model: tf.LayersModel, images: tf.Tensor): Promise<number> {
  const began = performance.now();
  const logits = tf.tidy(() => model.predict(images, { batchSize: images.shape[0] }) as tf.Tensor);
  await logits.data();
  logits.dispose();
  return performance.now() - began;
}

console.log('| batch | network | ms (p10-p90) | of the dense time | of its multiply-adds | within 30 % |');
console.log('|---|---|---|---|---|---|');
for (const batch of [1, 128]) {
  const images = tf.randomNormal([batch, 32, 32, 3], 0, 1, 'float32', 1);
  const times: number[][] = contestants.map(() => []);
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const [i, { model }] of contestants.entries()) {
      const time = await pass(model, images);
      if (round >= 0) times[i].push(time);
    }
  }
  images.dispose();
  for (const list of times) list.sort((a, b) => a - b);
  contestants.forEach(({ name, share }, i) => {
    const [p10, median, p90] = [0.1, 0.5, 0.9].map((part) => percentile(times[i], part).toFixed(2));
    const ratio = percentile(times[i], 0.5) / percentile(times[0], 0.5);
    const verdict = share === 1 ? '' : ratio <= MARGIN * share ? 'yes' : 'no';
    console.log(
      `| ${batch} | ${name} | ${median} (${p10}-${p90}) | ${ratio.toFixed(3)} | ${share.toFixed(3)} | ${verdict} |`,
    );
  });
}
process.exit(0);
