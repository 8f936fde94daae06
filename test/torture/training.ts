// Trainings that are stopped at random steps, and files of networks with hostile structures.
import * as tf from '@tensorflow/tfjs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from 'sparsebook/backend/random.js';
import { mutate, networks, saved, tryBoth } from '../compact/export/hostileModels.ts';
import { resumesExactly, setups } from '../training/checkpoint/resumed.ts';
import { each, upTo, type Probe } from './probe.ts';

const scratch = (): string => mkdtempSync(join(tmpdir(), 'sparsebook-torture-'));

/** The number of stops in each training: short, and in full. */
const STOPS = [2, 20];
const MODELS = [9, 300];

export const resumes: Probe[] = Object.entries(setups).map(([name, build], seed) => ({
  name: `resumed at random steps, to the last bit: ${name}`,
  run: (short) =>
    each(upTo(short ? 1 : 2), async (n) => {
      const dir = scratch();
      await resumesExactly(build, dir, 100 * seed + n, STOPS[Number(!short)]).finally(() =>
        rmSync(dir, { recursive: true }),
      );
    }),
}));

export const models: Probe[] = [
  {
    name: 'network files with hostile structures',
    run: async (short) => {
      await tf.setBackend('cpu');
      const dir = scratch();
      const random = new Random(17);
      const whole = networks().map(saved);
      const outcome = await each(upTo(MODELS[Number(!short)]), async (n) => {
        const { topology, shapes } = whole[n % whole.length];
        const changed = JSON.stringify(mutate(topology, random));
        await tryBoth(dir, changed, shapes, changed.slice(0, 300));
      });
      rmSync(dir, { recursive: true });
      return outcome;
    },
  },
];
