// How much time is saved by cutting closed channels out of a network during training, and how the outcome changes:
// notebook 01's GoogleNet is fine-tuned to a target sparsity with and without cut_channels, taking turns epoch by
// epoch. Reports the second half of the epochs.
//   npm run bench:cutting
//   npm run bench:cutting -- --seeds 3 --target 0.8 --probability 0.2 --threads 2
//   npm run bench:cutting -- --cpu
import { parseArgs } from 'node:util';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { completeCount } from 'sparsebook/compact/counts.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { protocolSettings } from 'sparsebook/experiments/protocols/protocol.js';
import { l0GoogleNet } from 'sparsebook/experiments/protocols/l0GoogleNet.js';
import { scoresOf } from 'sparsebook/experiments/run/measure.js';
import { trainedNetwork } from 'sparsebook/experiments/run/saved.js';
import { openSession, type Session } from 'sparsebook/experiments/run/session.js';
import { givenInWords } from 'sparsebook/experiments/settings/written.js';
import type { TrainingEvent } from 'sparsebook/training/events.js';
import { cpuTime, median } from './turns.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    target: { type: 'string', default: '0.8' },
    probability: { type: 'string', default: '0.2' },
    images: { type: 'string', default: '2048' },
    epochs: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
    // Measures the CPU time of one thread instead of wall-clock time, for machines with other load.
    cpu: { type: 'boolean', default: false },
  },
});
const epochs = Number(options.epochs);
const now = options.cpu ? cpuTime : (): number => performance.now();
const machine = await useBackend({ threads: options.cpu ? 1 : Number(options.threads) });
const data = await loadData('synthetic', { sizes: { train: Number(options.images), validation: 64, test: 1000 } });
const start = await trainedNetwork('notebooks/outputs/01-l0-googlenet/pretrained-synthetic');

const session = (seed: number, words: string[]): Promise<Session> => {
  const target = [`target_sparsity=${options.target}`, 'droprate_init=0.05', 'lr_gates=0.2', 'milestones=[]'];
  const shared = ['data=synthetic', `seed=${seed}`, `epochs=${epochs}`, 'batch_size=64'];
  const settings = protocolSettings(l0GoogleNet, givenInWords([...target, ...shared, ...words]), true);
  return openSession(l0GoogleNet.experiment(settings), data, { from: { model: start.model, masks: new Map() } });
};

/** Reads a run's events to the end of its next epoch, and returns the seconds that it took. */
async function nextEpoch(events: AsyncGenerator<TrainingEvent, void, void>): Promise<number> {
  const began = now();
  for (;;) {
    const { value } = await events.next();
    if (value?.type === 'epoch') return (now() - began) / 1000;
    if (!value || value.type === 'end') throw new Error(`the run ended: ${JSON.stringify(value)}`);
  }
}

console.log(`${machine.description}; GoogleNet, target_sparsity=${options.target}`);
console.log('| seed | cut | s an epoch, last half | faster | test | loss | sparsity | multiply-adds left |');
console.log('|---|---|---|---|---|---|---|---|');
const gains: number[] = [];
for (let seed = 1; seed <= Number(options.seeds); seed++) {
  const cutting = ['cut_channels=true', `cut_probability=${options.probability}`];
  const runs = [await session(seed, []), await session(seed, cutting)];
  const courses = runs.map((run) => run.events());
  const taken: number[][] = runs.map(() => []);
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const [i, events] of courses.entries()) taken[i].push(await nextEpoch(events));
  }
  const seconds = taken.map((list) => median(list.slice(epochs / 2)));
  gains.push(seconds[0] / seconds[1]);
  for (const [i, run] of runs.entries()) {
    const test = await scoresOf(run, data, 'test');
    const { sparsity, multiplyAdds } = completeCount(run.model, run.sparsifier!.channelMasks());
    const shown = [
      seed,
      i === 0 ? 'no' : 'yes',
      seconds[i].toFixed(2),
      (seconds[0] / seconds[i]).toFixed(2),
      test.accuracy.toFixed(3),
      test.loss.toFixed(3),
      sparsity.toFixed(3),
      (multiplyAdds.left / multiplyAdds.full).toFixed(3),
    ];
    console.log(`| ${shown.join(' | ')} |`);
    run.dispose();
  }
}
console.log(`faster by ${median(gains).toFixed(2)} (median of ${gains.length}); wanted are 1.5`);
process.exit(0);
