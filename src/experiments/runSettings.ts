import type { BackendOptions } from '../backend/useBackend.js';
import type { DataSizes } from '../data/dataSplits.js';
import { oneOf, orNull, text, wholeNumber, flag } from './settings/rules.js';
import type { Schema } from './settings/schema.js';

/** How large an experiment is run: in about a minute, within an hour, or as the documents did. */
export type PresetName = 'quick' | 'short' | 'seed';

/** The settings that every experiment has, whatever it trains. */
export interface RunSettings {
  preset: PresetName;
  data: string;
  sizes: { [Part in keyof Required<DataSizes>]: number | null };
  backend: NonNullable<BackendOptions['backend']>;
  threads: number | null;
  ckpt_path: string | null;
  resume_training: boolean;
  /** When training saves itself. */
  checkpoints: { every_epochs: number; every_steps: number | null; keep: number; best_from: number | null };
}

const part = (name: string): Schema<RunSettings['sizes'], RunSettings>['train'] => ({
  default: null,
  rule: orNull(wholeNumber({ min: 1 }), 'all there are'),
  help: `how many ${name} images are used`,
});

/** The settings of what computes. */
export const computingSchema: Schema<Pick<RunSettings, 'backend' | 'threads'>> = {
  backend: {
    default: 'auto',
    rule: oneOf('auto', 'tensorflow', 'simd', 'cpu', 'webgpu'),
    help: 'what computes; auto takes the first of tensorflow, simd and cpu that loads',
  },
  threads: {
    default: null,
    rule: orNull(wholeNumber({ min: 1, max: 64 }), 'one a core'),
    help: 'threads of the simd backend',
    conflict: ({ backend }) => (['auto', 'simd'].includes(backend) ? undefined : `backend=${backend} does not use it`),
  },
};

export const runSchema: Schema<RunSettings> = {
  preset: {
    default: 'seed',
    rule: oneOf('quick', 'short', 'seed'),
    help: 'the size of the run, whose settings hold where nothing else is given',
  },
  data: {
    default: 'cifar10',
    rule: text("synthetic, cifar10 or a folder with CIFAR-10's binary files"),
    help: 'the images',
  },
  sizes: { train: part('training'), validation: part('validation'), test: part('test') },
  ...computingSchema,
  ckpt_path: {
    default: null,
    rule: orNull(text('the path of a checkpoint'), 'none'),
    help: 'the checkpoint to start from: its weights or, with resume_training, its whole state',
  },
  resume_training: {
    default: false,
    rule: flag,
    help: 'whether the run in the checkpoint goes on, instead of a new one with its weights',
    conflict: ({ resume_training, ckpt_path }) =>
      resume_training && ckpt_path === null ? 'there is nothing to resume without ckpt_path' : undefined,
  },
  checkpoints: {
    every_epochs: {
      default: 1,
      rule: wholeNumber({ min: 1 }),
      help: 'after how many epochs the run is saved; it always is after the best one and at the end',
      warning: ({ checkpoints }, { epochs }) =>
        checkpoints.every_epochs > epochs
          ? `is more than the run has, ${epochs}: it is not saved in between`
          : undefined,
    },
    every_steps: {
      default: null,
      rule: orNull(wholeNumber({ min: 1 }), 'never'),
      help: 'after how many steps it is saved within an epoch',
      warning: ({ checkpoints }, { steps }) =>
        (checkpoints.every_steps ?? 0) > steps
          ? `is more than the run has, ${steps}: it is not saved within epochs`
          : undefined,
    },
    keep: { default: 2, rule: wholeNumber({ min: 1 }), help: 'how many checkpoints are kept, besides the best' },
    best_from: {
      default: null,
      rule: orNull(
        wholeNumber({ min: 0 }),
        'the last fifth of a run that removes channels or weights, all of any other',
      ),
      help: 'the epoch, counted from 0, from which on one can be the best',
      warning: ({ checkpoints }, { epochs }) =>
        (checkpoints.best_from ?? 0) >= epochs
          ? `comes after the last epoch, ${epochs - 1}: any can be the best`
          : undefined,
    },
  },
};
