import type { BackendOptions } from '../backend/useBackend.js';
import type { DataSizes } from '../data/dataSplits.js';
import { flag, listOf, oneOf, orNull, text, wholeNumber } from '../rules.js';
import type { Schema } from './settings/schema.js';

/** The settings of a run besides network, methods and recipe: its images, the backend, and where it is saved. */
export interface RunSettings {
  data: string;
  sizes: { [Part in keyof Required<DataSizes>]: number | null };
  image_size: string | null;
  classes: number | null;
  half: 'all' | 'first' | 'second';
  backend: NonNullable<BackendOptions['backend']>;
  threads: number | null;
  ckpt_path: string | null;
  resume_training: boolean;
  again: boolean;
  name: string | null;
  tags: string[];
  /** When checkpoints are saved. */
  checkpoints: { every_epochs: number; every_steps: number | null; keep: number; best_from: number | null };
}

/** Settings that do not affect a run's result: runs that differ in these alone have the same identity. */
export const outsideIdentity = [
  'data',
  'sizes.train',
  'sizes.validation',
  'sizes.test',
  'image_size',
  'classes',
  'half',
  'model',
  'weights',
  'recipe',
  'backend',
  'threads',
  'ckpt_path',
  'resume_training',
  'again',
  'name',
  'tags',
  'checkpoints.every_epochs',
  'checkpoints.every_steps',
  'checkpoints.keep',
];

const part = (name: string): Schema<RunSettings['sizes'], RunSettings>['train'] => ({
  default: null,
  rule: orNull(wholeNumber({ min: 1 }), 'all there are'),
  help: `how many ${name} images are used`,
});

/** The settings of the backend that computes. */
export const computingSchema: Schema<Pick<RunSettings, 'backend' | 'threads'>> = {
  backend: {
    default: 'auto',
    rule: oneOf('auto', 'tensorflow', 'simd', 'cpu', 'webgpu'),
    help: 'the tensor backend; auto takes the first of tensorflow, simd and cpu that loads',
  },
  threads: {
    default: null,
    rule: orNull(wholeNumber({ min: 1, max: 64 }), 'one a core, in a Slurm job those of --cpus-per-task'),
    help: 'threads of the simd backend',
    conflict: ({ backend }) => (['auto', 'simd'].includes(backend) ? undefined : `backend=${backend} does not use it`),
  },
};

export const runSchema: Schema<RunSettings> = {
  data: {
    default: 'cifar10',
    rule: text(
      "synthetic, cifar10, a folder with CIFAR-10's binary files, or one with a folder of images for each class",
    ),
    help: 'the images',
  },
  sizes: { train: part('training'), validation: part('validation'), test: part('test') },
  image_size: {
    default: null,
    rule: orNull(text('HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS, as in 28x28x1'), 'the size that they have'),
    help: 'the size in which synthetic images are drawn, and to which all others are scaled',
  },
  classes: {
    default: null,
    rule: orNull(wholeNumber({ min: 2 }), 'ten, or as many as the folder has'),
    help: 'how many classes synthetic images have',
  },
  half: {
    default: 'all',
    rule: oneOf('all', 'first', 'second'),
    help: 'which half of the training images is used: one for pre-training and the other for what follows',
  },
  ...computingSchema,
  ckpt_path: {
    default: null,
    rule: orNull(text('the path of a checkpoint'), 'none'),
    help: 'the checkpoint to start from: its weights or, with resume_training, its whole state',
  },
  resume_training: {
    default: false,
    rule: flag,
    help: 'whether the run of the checkpoint continues, instead of a new one with its weights',
    conflict: ({ resume_training, ckpt_path }) =>
      resume_training && ckpt_path === null ? 'there is nothing to resume without ckpt_path' : undefined,
  },
  again: {
    default: false,
    rule: flag,
    help: 'whether a finished run is trained again; the earlier one is kept',
    conflict: ({ again, resume_training }) =>
      again && resume_training ? 'resume_training=true goes on with the run' : undefined,
  },
  name: {
    default: null,
    rule: orNull(text('a name'), 'none'),
    help: 'the name of the run in tables',
  },
  tags: { default: [], rule: listOf(text('a word')), help: 'words that tables of runs show' },
  checkpoints: {
    every_epochs: {
      default: 1,
      rule: wholeNumber({ min: 1 }),
      help: 'after how many epochs a checkpoint is saved; there is always one of the best epoch and of the end',
      warning: ({ checkpoints }, { epochs }) =>
        checkpoints.every_epochs > epochs
          ? `is more than the run has, ${epochs}: it is not saved in between`
          : undefined,
    },
    every_steps: {
      default: null,
      rule: orNull(wholeNumber({ min: 1 }), 'never'),
      help: 'after how many steps a checkpoint is saved within an epoch',
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
