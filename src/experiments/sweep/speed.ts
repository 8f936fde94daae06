import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSplits } from '../../data/dataSplits.js';
import { pickImages, type ImageSet } from '../../data/imageSet.js';
import type { ExperimentSettings } from '../experimentSettings.js';
import { anyExperiment } from '../protocols/protocols.js';
import { Run } from '../run/run.js';
import { halfOf, lengthOf } from '../run/session.js';

/** How fast a machine runs one kind of experiment. */
export interface Speed {
  /** Images per second in training, and in evaluation. */
  train: number;
  evaluate: number;
  /** Further seconds that each run takes: building, counting, writing. */
  overhead: number;
  /** Seconds that saving a checkpoint takes. */
  save: number;
  /** Seconds until a process is ready for its first run. */
  start: number;
}

export const speedNames = ['train', 'evaluate', 'overhead', 'save', 'start'] as const satisfies (keyof Speed)[];

/** A trial's times in seconds: from its beginning to each step and to its end, for a save, and for the evaluation. */
interface Times {
  steps: number[];
  all: number;
  save: number;
  evaluate: number;
}

const first = (set: ImageSet, count: number): ImageSet =>
  pickImages(
    set,
    Uint32Array.from({ length: Math.min(count, set.labels.length) }, (_, i) => i),
    set.name,
  );

async function trial(settings: ExperimentSettings, images: DataSplits, steps: number): Promise<Times> {
  const root = await mkdtemp(join(tmpdir(), 'sparsebook-speed-'));
  const own = { ...settings, max_steps: steps, epochs: null, ckpt_path: null, name: null, again: false };
  const run = new Run({ protocol: anyExperiment, settings: { ...own, half: 'all' }, images, root });
  const began = performance.now();
  const now = (): number => (performance.now() - began) / 1000;
  const times: Times = { steps: [], all: 0, save: 0, evaluate: 0 };
  try {
    for await (const event of run.events()) {
      if (event.type === 'step') times.steps.push(now());
      if (event.type === 'checkpoint') times.save = event.seconds;
    }
    times.all = now();
    await run.evaluate('test');
    times.evaluate = now() - times.all;
    return times;
  } finally {
    run.dispose();
    await rm(root, { recursive: true, force: true });
  }
}

/** About how many seconds the trial takes. */
const SECONDS = 2;

/**
 * Measures how fast this process runs an experiment, by two small runs of it in a temporary folder; takes about two
 * seconds plus the time to build the network. Throws a UserError for settings and images that do not fit.
 */
export async function measureSpeed(settings: ExperimentSettings, data: DataSplits): Promise<Omit<Speed, 'start'>> {
  const all = halfOf(data, settings.half);
  const { batch_size: batch } = settings;
  const { stepsPerEpoch } = lengthOf(settings, all.train.labels.length);
  const images = (evaluated: number): DataSplits => ({
    ...all,
    validation: first(all.validation, evaluated),
    test: first(all.test, evaluated),
  });
  // The first run in a process is slower than later ones.
  const warm = await trial(settings, images(64), Math.min(4, stepsPerEpoch));
  const step = (warm.all - warm.steps[0]) / Math.max(1, warm.steps.length - 1);
  const used = images(512);
  const steps = Math.max(1, Math.min(stepsPerEpoch, Math.max(6, Math.round(SECONDS / step))));
  const times = await trial(settings, used, steps);
  const [tests, validations] = [used.test.labels.length, used.validation.labels.length];
  const evaluate = tests / times.evaluate;
  const perStep = steps > 1 ? (times.steps.at(-1)! - times.steps[0]) / (steps - 1) : times.steps[0];
  const size = Math.min(batch, all.train.labels.length);
  const known = steps * perStep + (2 * validations + tests) / evaluate;
  return { train: size / perStep, evaluate, overhead: Math.max(0, times.all - known), save: times.save };
}
