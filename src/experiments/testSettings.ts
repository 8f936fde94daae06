import { computingSchema, type RunSettings } from './runSettings.js';
import { listOf, orNull, text, wholeNumber } from './settings/rules.js';
import type { Schema } from './settings/schema.js';

/** What `sparsebook test` can be told. */
export interface TestSettings extends Pick<RunSettings, 'backend' | 'threads'> {
  ckpt_path: string;
  data: string | null;
  latency: { batches: number[]; runs: number; warm_up: number };
}

/** Why the ways of timing mean nothing, if they do. */
const timesNone = ({ latency }: Pick<TestSettings, 'latency'>): string | undefined =>
  latency.batches.length === 0 ? 'latency.batches=[] times nothing' : undefined;

export const testSchema: Schema<TestSettings, Omit<TestSettings, 'data'>> = {
  ckpt_path: { default: '', rule: text('the path of a checkpoint'), help: 'the checkpoint to test' },
  data: {
    default: null,
    rule: orNull(text("synthetic, cifar10 or a folder with CIFAR-10's binary files"), 'those of the run'),
    help: 'the images',
  },
  ...computingSchema,
  latency: {
    batches: {
      default: [1, 128],
      rule: listOf(wholeNumber({ min: 1 })),
      help: 'how many images pass at once where passes are timed; [] times none',
    },
    runs: { default: 30, rule: wholeNumber({ min: 1 }), help: 'how many passes are timed', conflict: timesNone },
    warm_up: {
      default: 5,
      rule: wholeNumber({ min: 0 }),
      help: 'how many passes go before them',
      conflict: timesNone,
    },
  },
};
