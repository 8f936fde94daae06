// Sweeps of runs that take a second, and what is left of them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRun } from 'sparsebook/training/log/readRun.js';

/** A network and images so small that a run takes a second. */
export const tinyRun = [
  'network=c3',
  'width=0.125',
  'data=synthetic',
  'sizes.train=160',
  'sizes.validation=32',
  'sizes.test=32',
  'batch_size=16',
  'epochs=2',
  'backend=simd',
];

/** Two networks, from different seeds, and two that start from each. */
export const tinyGraph = `
settings: { network: c3, width: 0.125, data: synthetic, sizes: { train: 160, validation: 32, test: 32 }, batch_size: 16, epochs: 2, backend: simd }
grid: { seed: 1..2 }
points:
  - name: base
  - name: tune
    start: { from: base }
    grid: { lr: [0.01, 0.003] }
`;

/** The SHA-256 of the network that each run in a data folder came to, by the run's id; asserts that each ended once. */
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
