// Trains notebook 01's network at several lambdas with the notebook's own budget, one run each, and saves what came out
// beside the notebook: npm run sweep:l0 -- data=cifar10 [budget=longer]
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deriveSeed, useBackend } from 'sparsebook/backend';
import { loadData, presentData, type DataSplits } from 'sparsebook/data';
import {
  l0GoogleNet,
  l0Result,
  pretrainedGoogleNet,
  type L0Result,
  type L0Run,
  type L0Sweep,
} from 'sparsebook/experiments';
import { UserError } from 'sparsebook/errors.js';
import { readAssignments } from 'sparsebook/formats/text.js';

const {
  data: source = presentData(),
  output = 'notebooks/outputs/01-l0-googlenet',
  budget: budgetName = 'notebook',
} = readAssignments(process.argv.slice(2));
const seed = 1;
const common = { width: 1, batch_size: 64, lr: 1e-3, milestones: [], seed };
// The notebook's own budget can be repeated in a minute; the longer one lets weights adapt while gates close more slowly.
const budgets = {
  notebook: {
    budget: { ...common, epochs: 5, lr_gates: 0.2 },
    sizes: { train: 1280, validation: 500, test: 1000 },
  },
  longer: {
    budget: { ...common, epochs: 4, lr_gates: 0.05 },
    sizes: { train: 6400, validation: 1000, test: 10_000 },
  },
};
if (!(budgetName in budgets)) {
  throw new UserError(`budget must be ${Object.keys(budgets).join(' or ')}; received ${budgetName}.`);
}
const { budget, sizes } = budgets[budgetName as keyof typeof budgets];

interface Curve {
  name: string;
  steps: number[];
  penalty: number[];
}

async function trained(name: string, run: L0Run): Promise<{ result: L0Result; curve: Curve }> {
  const curve: Curve = { name, steps: [], penalty: [] };
  for await (const event of run.events()) {
    if (event.type !== 'step') continue;
    curve.steps.push(event.step);
    curve.penalty.push(Number(event.penalty.toPrecision(4)));
  }
  const result = await l0Result(name, run);
  run.dispose();
  console.log(`${name}: test ${result.test}, sparsity ${result.sparsity.toFixed(3)}`);
  return { result, curve };
}

async function sweep(data: DataSplits, machine: string): Promise<void> {
  const name = `pretrained-${source === 'synthetic' ? 'synthetic' : 'cifar10'}`;
  const start = await pretrainedGoogleNet(join('notebooks/outputs/01-l0-googlenet', name), data);
  const results = [await l0Result('no gates', start.run)];
  const curves: Curve[] = [];
  const file = join(
    output,
    `sweep-${source === 'synthetic' ? 'synthetic' : 'cifar10'}${budgetName === 'longer' ? '-longer' : ''}.json`,
  );
  const about = { data: data.name, trainedOn: start.trainedOn, machine, sizes, budget, runsPerSetting: 1 };
  // What a sweep that was stopped has saved is not trained again, unless it was made in another way.
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as L0Sweep) : undefined;
  const saved = JSON.stringify(before?.about) === JSON.stringify(about) ? before : undefined;
  const add = async (label: string, make: () => L0Run): Promise<void> => {
    const known = saved?.results.find(({ run }) => run === label);
    const knownCurve = saved?.curves.find(({ name }) => name === label);
    const { result, curve } = known && knownCurve ? { result: known, curve: knownCurve } : await trained(label, make());
    results.push(result);
    curves.push(curve);
    writeFileSync(file, `${JSON.stringify({ about, results, curves }, null, 1)}\n`);
  };
  const tuned = { ...budget, droprate_init: 0.05 };
  for (const lambda_l0 of [10, 20, 30, 50]) {
    await add(`tune ${lambda_l0}`, () => l0GoogleNet(data, { ...tuned, lambda_l0 }, start.run.model));
  }
  await add('target 0.5', () => l0GoogleNet(data, { ...tuned, target_sparsity: 0.5 }, start.run.model));
  for (const lambda_l0 of [0.25, 0.5, 1]) {
    await add(`scratch ${lambda_l0}`, () => l0GoogleNet(data, { ...budget, lambda_l0 }));
  }
}

const { description } = await useBackend({ backend: 'simd' });
await sweep(await loadData(source, { seed: deriveSeed(seed, 'notebook'), sizes }), description);
