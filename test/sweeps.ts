// Sweeps of runs that take a second, and their results.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pointsOf } from 'sparsebook/experiments/sweep/points.js';
import { readSpec } from 'sparsebook/experiments/sweep/spec.js';
import { Sweep } from 'sparsebook/experiments/sweep/sweep.js';
import { readRun } from 'sparsebook/training/log/readRun.js';

/** A network and images so small that an epoch takes half a second. */
export const tinyNetwork = [
  'network=c3',
  'width=0.125',
  'data=synthetic',
  'sizes.train=64',
  'sizes.validation=16',
  'sizes.test=16',
  'batch_size=16',
  'backend=simd',
];

/** A run of a second. */
export const tinyRun = [...tinyNetwork, 'epochs=2'];

/** Two networks with different seeds, and two more that start from each. */
export const tinyGraph = `
settings: { network: c3, width: 0.125, data: synthetic, sizes: { train: 64, validation: 16, test: 16 }, batch_size: 16, epochs: 2, backend: simd }
grid: { seed: 1..2 }
points:
  - name: base
  - name: tune
    start: { from: base }
    grid: { lr: [0.01, 0.003] }
`;

/** The SHA-256 of each run's final network in a data folder, by the run's id; asserts that each ended once. */
export async function trainedWeights(data: string): Promise<Map<string, string>> {
  const runs = join(data, 'runs');
  const ids = existsSync(runs) ? readdirSync(runs).filter((id) => existsSync(join(runs, id, 'record.json'))) : [];
  const weights = ids.map(async (id): Promise<[string, string]> => {
    const { events } = await readRun(join(runs, id));
    assert.equal(events.filter(({ type }) => type === 'end').length, 1, id);
    const last = readdirSync(join(runs, id, 'checkpoints'))
      .sort()
      .at(-1)!;
    const bytes = readFileSync(join(runs, id, 'checkpoints', last, 'weights.safetensors'));
    return [id, createHash('sha256').update(bytes).digest('hex')];
  });
  return new Map(await Promise.all(weights));
}

/** A sweep whose runs were never trained: two lambdas, two seeds; `finish` writes a record for the next point. */
export async function madeUpSweep(
  data: string,
  name: string,
): Promise<{ sweep: Sweep; finish: (test: number, sparsity: number) => Promise<void> }> {
  const spec = await readSpec(['network=c3', 'methods=l0', 'l0.lambda=1,2', 'seed=1..2'], {});
  const sweep = Sweep.at(join(data, 'sweeps', name), pointsOf(spec));
  await sweep.write();
  const waiting = [...sweep.points];
  const size = { dense: 100, left: 80 };
  const finish = async (test: number, sparsity: number): Promise<void> => {
    const { id, group, settings } = waiting.shift()!;
    const run = `c3-l0-${id}`;
    const scores = (accuracy: number): object => ({ accuracy, loss: 1, images: 1000 });
    mkdirSync(join(data, 'runs', run), { recursive: true });
    const record = {
      ...{
        format: 'sparsebook record',
        version: 1,
        run,
        name: group,
        tags: [name],
        experiment: 'experiment',
        network: 'c3',
      },
      ...{
        methods: ['l0'],
        seed: 1,
        settings,
        selected: { which: 'last', epoch: 1, step: 10 },
        last: null,
        epochs: 1,
        steps: 10,
      },
      data: { name: 'none', hash: '', train: 10, validation: 10, test: 1000 },
      ...{ seconds: 1, machine: 'none', date: '2026-01-01T00:00:00Z', validation: scores(test), test: scores(test) },
      sparsity: { complete: sparsity, published: null, zeros: 0 },
      ...{
        parameters: size,
        multiply_adds: size,
        running_values: size,
        channels: { all: 0, closed: 0 },
        method: {},
        zeros: {},
      },
    };
    writeFileSync(join(data, 'runs', run, 'record.json'), JSON.stringify(record));
    await sweep.report(id, { state: 'finished', run });
  };
  return { sweep, finish };
}
