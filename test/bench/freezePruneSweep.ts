// Runs the tasks of notebook 04 one after another, each several times with seeds of its own, and saves what came out beside
// the notebook: npm run sweep:freeze-prune -- data=cifar10 repeats=3
// What a sweep that was stopped has saved is not run again, unless it was made in another way.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { useBackend } from 'sparsebook/backend';
import { dataFolder } from 'sparsebook/data/loadData.js';
import { loadData, presentData, type DataSplits } from 'sparsebook/data';
import { jsonFile, writeFileWholeSync } from 'sparsebook/platform/writeFile.js';
import {
  freezePruneRecord,
  freezePruneResnet18,
  keepingBest,
  saveRun,
  type FreezePruneRecord,
  type FreezePruneRun,
  type FreezePruneSettings,
  type FreezePruneSweep,
  type SomeSettings,
} from 'sparsebook/experiments';
import { freezePruneExperiment } from 'sparsebook/experiments/freezePrune/freezePruneExperiment.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity';
import { readAssignments } from 'sparsebook/formats/text.js';
import { loadCheckpoint, restoreWeights } from 'sparsebook/training';

const notebook = '04-freeze-prune-resnet18';
const words = readAssignments(process.argv.slice(2));
const { data: source = presentData(), output = join('notebooks/outputs', notebook) } = words;
const count = (name: string, otherwise: number): number => Number(words[name] ?? otherwise);
const repeats = count('repeats', 3);
const short = freezePruneExperiment.presets.short.values;
const epochs = count('epochs', short.epochs!);
/** The `short` preset, fine-tuning on the half of the images that pre-training does not see. */
const shared = { width: count('width', short.width!), epochs, batch_size: short.batch_size, half: 'second' } as const;
const sizes = {
  train: count('train', short.sizes!.train!),
  validation: count('validation', short.sizes!.validation!),
  test: count('test', 10000),
};

interface Task {
  task: string;
  start: FreezePruneRecord['start'];
  /** The task whose network it is given: to start from, or to decide what a lottery ticket prunes. */
  network?: string;
  settings?: SomeSettings<FreezePruneSettings>;
  /** The first epoch, from 0, whose network is what the task is about. */
  from?: number;
}

const shares = [0.1, 0.2, 0.3];
const farShares = [0.5, 0.7, 0.9, 0.95];
const percent = (share: number): string => `${Math.round(100 * share)} %`;
const times = Math.max(1, epochs - 2);

/** The project's own tasks, then what goes beyond. Those that need another one's network come after it. */
const tasks: Task[] = [
  { task: 'pre-training', start: 'new weights', settings: { half: 'first', epochs: 2 * epochs } },
  { task: 'fine-tuning', start: 'pre-trained', settings: { new_head: true } },
  { task: 'softmax', start: 'pre-trained', settings: { new_head: true, softmax_in_loss: true } },
  {
    task: 'softmax times 10',
    start: 'pre-trained',
    settings: { new_head: true, softmax_in_loss: true, softmax_scale: 10 },
  },
  ...shares.map((freeze): Task => ({
    task: `freeze ${percent(freeze)}`,
    start: 'pre-trained',
    settings: { new_head: true, freeze },
  })),
  { task: 'trained on', start: 'fine-tuned' },
  ...shares.map((prune): Task => ({ task: `prune ${percent(prune)}`, start: 'fine-tuned', settings: { prune } })),
  ...shares.map((prune): Task => ({
    task: `prune ${percent(prune)}`,
    start: 'pre-trained',
    settings: { new_head: true, prune },
  })),
  ...shares.map((prune): Task => ({
    task: `unfreeze ${percent(prune)}`,
    start: 'pre-trained',
    settings: { new_head: true, prune, unfreeze_epoch: 2 },
    from: 2,
  })),
  ...farShares.map((prune): Task => ({ task: `prune ${percent(prune)}`, start: 'fine-tuned', settings: { prune } })),
  { task: 'from nothing', start: 'new weights', settings: { epochs: 2 * epochs } },
  ...farShares.map((prune): Task => ({
    task: `ticket ${percent(prune)}`,
    start: 'new weights',
    network: 'from nothing',
    settings: { epochs: 2 * epochs, prune, pruning: { rewind: true } },
  })),
  ...[0.9, 0.95].map((prune): Task => ({
    task: `gradually ${percent(prune)}`,
    start: 'fine-tuned',
    settings: { prune, pruning: { schedule: 'polynomial', times } },
    from: times,
  })),
  { task: 'softmax from nothing', start: 'new weights', settings: { epochs: 2 * epochs, softmax_in_loss: true } },
];
/** Where the networks that others start from are found: by the task that trained them. */
const starts = { 'new weights': undefined, 'pre-trained': 'pre-training', 'fine-tuned': 'fine-tuning' } as const;
const given = ({ network, start }: Task): string | undefined => network ?? starts[start];
const kept = new Set(tasks.map(given));

const savedAt = (name: string): string => join(dataFolder(), 'notebooks', notebook, name);
const round = (value: number): number => Number(value.toFixed(5));

/** Accuracy right after pruning more and more of a network, which then gets its weights back. */
async function cut(run: FreezePruneRun, seed: number): Promise<FreezePruneSweep['cuts']> {
  const pruning = magnitudeSparsifier(run.model, { restore: true });
  const cuts: FreezePruneSweep['cuts'] = [];
  let gone = 0;
  for (const prune of [0, ...shares, ...farShares]) {
    if (prune > 0) pruning.prune((prune - gone) / (1 - gone));
    gone = prune;
    cuts.push({ seed, prune, validation: round((await run.evaluate('validation')).accuracy) });
  }
  pruning.unfreeze();
  return cuts;
}

async function sweep(data: DataSplits, machine: string): Promise<void> {
  const file = join(output, `sweep-${source === 'synthetic' ? 'synthetic' : 'cifar10'}.json`);
  const about = { data: data.name, machine, sizes, settings: shared };
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as FreezePruneSweep) : undefined;
  const same = JSON.stringify(before?.about) === JSON.stringify(about);
  const { records, cuts }: FreezePruneSweep = before && same ? before : { about, records: [], cuts: [] };
  const save = (): void => {
    const lines = (list: readonly unknown[]): string => list.map((each) => JSON.stringify(each)).join(',\n');
    const text = `{"about":${JSON.stringify(about)},\n"records":[\n${lines(records)}\n],\n"cuts":[\n${lines(cuts)}\n]}\n`;
    mkdirSync(output, { recursive: true });
    writeFileWholeSync(file, text, jsonFile);
  };
  for (let seed = 1; seed <= repeats; seed++) {
    const networks = new Map<string | undefined, FreezePruneRun>();
    for (const each of tasks) {
      const { task, start, settings, from } = each;
      const known = records.some((r) => r.seed === seed && r.task === task && r.start === start);
      if (known && !kept.has(task)) continue;
      const name = `${task}-${seed}`.replaceAll(' ', '-');
      const run = await freezePruneResnet18(data, { ...shared, ...settings, seed }, networks.get(given(each))?.model);
      if (known) restoreWeights(await loadCheckpoint(savedAt(name)), run.model);
      else {
        for await (const _ of keepingBest(run, { from })) void _;
        const record = { ...(await freezePruneRecord(run, { task, start, from })), settings: settings ?? {} };
        if (kept.has(task)) await saveRun(run, notebook, name);
        records.push(record);
        if (task === 'fine-tuning') cuts.push(...(await cut(run, seed)));
        save();
        const { epochs: of, best, test, sparsity, seconds } = record;
        const last = `epoch ${best} of ${of.length}, test ${test.toFixed(4)}, zeros ${sparsity.toFixed(4)}, ${seconds} s`;
        console.log(`seed ${seed}, ${task} (${start}): ${last}`);
      }
      if (kept.has(task)) networks.set(task, run);
      else run.dispose();
    }
    for (const run of networks.values()) run.dispose();
  }
}

const { description } = await useBackend({ backend: 'simd' });
await sweep(await loadData(source, { sizes }), description);
