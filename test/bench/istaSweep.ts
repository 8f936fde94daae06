// Trains what notebook 02 shows of real images and saves it beside the notebook: the versions of the ISTA protocol, and
// short runs from version 1 with other penalties and weight decays. What is saved is not trained again.
//   npm run sweep:ista -- data=cifar10
//   npm run sweep:ista -- data=cifar10 until=sweep      # version 0 and the short runs alone, to choose l1_penalty by
//   npm run sweep:ista -- data=cifar10 l1_penalty=0.05
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useBackend } from 'sparsebook/backend';
import { dataFolder } from 'sparsebook/data/loadData.js';
import { loadData, presentData } from 'sparsebook/data';
import {
  asEvaluated,
  compareCompactions,
  istaLogLine,
  istaRecord,
  istaResnet20,
  istaSweepRun,
  nextIstaRun,
  saveRun,
  type IstaProtocol,
  type IstaRun,
  type IstaSweep,
} from 'sparsebook/experiments';
import { readAssignments } from 'sparsebook/formats/text.js';
import { loadCheckpoint, pairedChange, resumeFrom } from 'sparsebook/training';

const given = readAssignments(process.argv.slice(2));
const { data: source = presentData(), output = 'notebooks/outputs/02-ista-resnet20', until } = given;
/** The budget: how many steps each version and each short run gets; `scale=0.01` tries the script itself. */
const scale = Number(given.scale ?? 1);
const steps = (n: number): number => Math.max(2, Math.round(n * scale));
const sizes = { train: steps(20000), validation: steps(2000), test: steps(10000) };
const budget = {
  seed: 1,
  bn_momentum: 0.025,
  ema_decay: 0.98,
  log_frequency: 25,
  batch_size: Math.min(125, sizes.train),
};
const versions = [
  { l1_penalty: 0.005, max_steps: steps(1200) },
  { l1_penalty: Number(given.l1_penalty ?? 0.015), max_steps: steps(1500) },
  { max_steps: steps(750) },
];
const short = { max_steps: steps(60) };
const usual = 5e-4;
const grid = [
  ...[0, 0.03, 0.06, 0.12].map((l1_penalty) => ({ l1_penalty, weight_decay: usual })),
  ...[0, 0.05].map((weight_decay) => ({ l1_penalty: 0.06, weight_decay })),
];

const { description: machine } = await useBackend({ backend: 'simd' });
const data = await loadData(source, { sizes });
const suffix = data.name.startsWith('CIFAR') ? 'cifar10' : 'synthetic';
const fileOf = (what: string): string => join(output, `${what}-${suffix}.json`);
const about = (settings: Record<string, unknown>): IstaProtocol['about'] => ({
  data: data.name,
  machine,
  sizes,
  settings,
});

/** What a file has, unless it was made in another way than now; on which machine does not matter. */
function saved<T extends { about: IstaProtocol['about'] }>(file: string, made: IstaProtocol['about']): T | undefined {
  if (!existsSync(file)) return undefined;
  const before = JSON.parse(readFileSync(file, 'utf8')) as T;
  return JSON.stringify({ ...before.about, machine }) === JSON.stringify(made) ? before : undefined;
}

/** Writes JSON with four significant digits, which is more than a figure shows. */
function save(file: string, value: object): void {
  const short = (_: string, each: unknown): unknown =>
    typeof each === 'number' && !Number.isInteger(each) ? Number(each.toPrecision(4)) : each;
  mkdirSync(output, { recursive: true });
  writeFileSync(file, `${JSON.stringify(value, short)}\n`);
}

async function trained(run: IstaRun): Promise<void> {
  const began = performance.now();
  for await (const event of run.events()) {
    if (event.type === 'warning') console.log(`warning: ${event.message}`);
    if (event.type === 'epoch' && run.log.length > 0) {
      console.log(`${istaLogLine(run.log.at(-1)!)}, validation ${event.validation?.accuracy.toFixed(4)}`);
    }
  }
  console.log(`trained in ${Math.round((performance.now() - began) / 1000)} s`);
}

/** Trains a version and saves its record and itself, or takes both back. */
async function version(n: number, run: IstaRun, protocol: IstaProtocol): Promise<IstaRun> {
  const name = `${suffix}-version${n + 1}-${scale}-${versions[n].l1_penalty}`;
  const path = join(dataFolder(), 'notebooks', '02-ista-resnet20', name);
  const known = protocol.versions.at(n);
  if (
    known?.l1_penalty === run.settings.l1_penalty &&
    known.result.steps === run.settings.max_steps &&
    existsSync(path)
  ) {
    resumeFrom(await loadCheckpoint(path), run);
    console.log(`version ${n}: taken from what was saved`);
    return run;
  }
  await trained(run);
  // Later versions start from this one.
  protocol.versions.length = n;
  await saveRun(run, '02-ista-resnet20', name);
  protocol.versions[n] = await istaRecord(run);
  console.log(JSON.stringify(protocol.versions[n].result));
  return run;
}

async function sweep(first: IstaRun): Promise<void> {
  const made = about({ ...budget, ...short, from: versions[0] });
  const { accuracy: validation } = await first.evaluate('validation');
  const { fakeSparsity } = first.sparsifier!.summary!();
  const all: IstaSweep = saved<IstaSweep>(fileOf('sweep'), made) ?? {
    about: made,
    start: { validation, fakeSparsity },
    runs: [],
  };
  for (const point of grid) {
    const known = all.runs.some((r) => r.l1_penalty === point.l1_penalty && r.weight_decay === point.weight_decay);
    if (known) continue;
    const run = await istaSweepRun(first, { ...point, ...short });
    all.runs.push(run);
    save(fileOf('sweep'), all);
    const { validation, fakeSparsity } = run;
    console.log(`${JSON.stringify(point)}: validation ${validation}, fake sparsity ${fakeSparsity.toFixed(3)}`);
  }
}

const made = about(budget);
const protocol: IstaProtocol = saved<IstaProtocol>(fileOf('protocol'), made) ?? { about: made, versions: [] };
const first = await version(0, istaResnet20(data, { ...budget, ...versions[0], checkpoint_version: 0 }), protocol);
save(fileOf('protocol'), protocol);
if (until !== 'sweep') {
  const second = await version(1, await nextIstaRun(first, versions[1]), protocol);
  save(fileOf('protocol'), protocol);
  if (!protocol.compactions) {
    protocol.compactions = await compareCompactions(second, { batchSizes: [32], runs: 20, warmUp: 3 });
    console.log(JSON.stringify(protocol.compactions));
    save(fileOf('protocol'), protocol);
  }
  if (!protocol.versions[2]) {
    const third = await nextIstaRun(second, versions[2], { runs: 10, warmUp: 2 });
    const { widths } = third.compaction!;
    protocol.compaction = { widths, report: third.report!, explanation: third.opening! };
    console.log(third.opening);
    const before = await asEvaluated(third, () => third.answers('test'));
    const { accuracy } = await third.evaluate('validation');
    protocol.compacted = {
      validation: accuracy,
      test: before.right.reduce((n, hit) => n + hit, 0) / before.right.length,
    };
    console.log(JSON.stringify(protocol.compacted));
    await version(2, third, protocol);
    protocol.change = pairedChange(before.right, (await third.answers('test')).right);
    console.log(JSON.stringify(protocol.change));
    save(fileOf('protocol'), protocol);
  }
}
if (until !== 'protocol') await sweep(first);
process.exit(0);
