// Compares the speed of the six networks in one run: every contestant makes one step per round, so that other load on
// the machine affects all of them. Prints medians with their range, and ratios of medians.
//   npm run bench                         all networks, 8 rounds
//   npm run bench -- --rounds 12 c3       one network
//   npm run bench -- --threads 1 --no-torch googleNet
import { parseArgs } from 'node:util';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { networks, ours, torch, type NetworkName, type TorchSetting } from './contestants.ts';
import { interleave, median, rate } from './turns.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
    backend: { type: 'string', default: 'auto' },
    'no-torch': { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const threads = Number(options.threads);
const names = (positionals.length > 0 ? positionals : Object.keys(networks)) as NetworkName[];
const unknown = names.find((name) => !(name in networks));
if (unknown !== undefined) throw new Error(`no network ${unknown}; there are ${Object.keys(networks).join(', ')}`);

const settings: TorchSetting[] = [
  { layout: 'channels_last' },
  { layout: 'nchw' },
  { layout: 'channels_last', tunedMalloc: true },
];
/**
 * How often a turn repeats passes that take only milliseconds: the first ones warm up, the median of the rest counts.
 */
const FORWARD = { warmUp: 1, runs: 3 };
const SINGLE = { warmUp: 5, runs: 21 };

async function repeated({ warmUp, runs }: typeof SINGLE, run: () => Promise<number>): Promise<number> {
  for (let i = 0; i < warmUp; i++) await run();
  const times: number[] = [];
  for (let i = 0; i < runs; i++) times.push(await run());
  return median(times);
}

const machine = await useBackend({ backend: options.backend as 'auto', threads });
// More images than any network here processes in a run, so that no epoch ends.
const data = await loadData('synthetic', { seed: 1, sizes: { train: 8000, validation: 10, test: 10 } });
console.log(`${machine.description}; ${rounds} rounds, medians (slowest-fastest), images/s unless it says ms\n`);
console.log('| network | batch | contestant | training | ratio | forward | ratio | batch 1, ms |');
console.log('|---|---|---|---|---|---|---|---|');

for (const name of names) {
  const { batch } = networks[name];
  const peers = options['no-torch'] ? [] : await Promise.all(settings.map((setting) => torch(name, threads, setting)));
  const contestants = [...ours(name, data), ...peers.filter((peer) => peer !== undefined)];
  const trainers = contestants.filter((contestant) => 'trainStep' in contestant);
  const turns = await interleave(trainers, rounds, (contestant) => contestant.trainStep!());
  // A contestant that cannot train has no times.
  const training = contestants.map((contestant) => turns[trainers.indexOf(contestant)] ?? []);
  const forward = await interleave(contestants, rounds, (contestant) =>
    repeated(FORWARD, () => contestant.forward(batch)),
  );
  const single = await interleave(contestants, rounds, (contestant) => repeated(SINGLE, () => contestant.forward(1)));
  const shown = (times: number[][], i: number): string[] => {
    if (times[i].length === 0) return ['', ''];
    return [rate(batch, times[i]), i === 0 ? '' : (median(times[i]) / median(times[0])).toFixed(2)];
  };
  contestants.forEach((contestant, i) => {
    const times = [...shown(training, i), ...shown(forward, i), median(single[i]).toFixed(2)];
    const cells = [name, batch, contestant.name, ...times];
    console.log(`| ${cells.join(' | ')} |`);
    contestant.close();
  });
}
process.exit(0);
