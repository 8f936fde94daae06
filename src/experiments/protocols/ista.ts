import { flag, number, orNull, wholeNumber } from '../../rules.js';
import { of, protocol, waysOfTraining } from './protocol.js';

/** The versions that a run can start from, each with the settings of the project's README. */
export const istaVersions = [
  { l1_penalty: 0.001, max_steps: 30_000, learning_rate: 0.1 },
  { l1_penalty: 0.005, max_steps: 50_000, learning_rate: 0.1 },
  { l1_penalty: 0, max_steps: 50_000, learning_rate: 0.01 },
] as const;

const published = (version: number | null): (typeof istaVersions)[number] => istaVersions[version ?? 0];
const publishedSteps = (version: number | null, faster: number): number =>
  Math.ceil(published(version).max_steps / faster);

/** The version, and the settings that depend on it. */
export interface OfVersion {
  checkpoint_version: number | null;
  faster: number;
  stronger: number;
  l1_penalty: number;
  max_steps: number;
}

const ofVersion = {
  conflict: ({ checkpoint_version }: OfVersion) =>
    checkpoint_version === null ? 'each version has its own; choose one with checkpoint_version' : undefined,
};

/**
 * The project on ISTA (Ye et al. 2018): SGD without momentum, images standardised one by one, gammas soft-thresholded
 * after each step. Version 1 continues from the weights of version 0; version 2 makes the network it starts from
 * compact and trains that.
 *
 * A gamma starts at 1 and loses about cost * learning_rate * l1_penalty per step: fewer steps need a larger penalty,
 * but not in proportion, since it must not outweigh the loss. A channel of CNN-4 costs about five times as much as one
 * of ResNet-20.
 */
const ista = (network: 'resnet20' | 'cnn4', title: string) =>
  protocol({
    name: `ista-${network}`,
    network,
    summary: `prune channels of ${title} by the gammas of its batch norms`,
    fields: {
      checkpoint_version: {
        default: null,
        rule: orNull(wholeNumber({ min: 0, max: 2 }), 'versions 0, 1 and 2 one after another'),
        help: 'the version to start from: 0 new weights, 1 a trained network, 2 one to be made compact; the run makes the next',
      },
      faster: {
        default: 1,
        rule: number({ min: 1 }),
        help: 'how many times fewer steps there are than published',
        conflict: ({ checkpoint_version: version, faster, max_steps }: OfVersion) =>
          max_steps === publishedSteps(version, faster) ? undefined : `max_steps=${max_steps} says how many there are`,
      },
      stronger: {
        default: 1,
        rule: number({ min: 1 }),
        help: 'how many times larger the penalty is than published, so that gammas get to 0 in fewer steps',
        conflict: ({ checkpoint_version: version, stronger, l1_penalty }: OfVersion) =>
          l1_penalty === published(version).l1_penalty * stronger
            ? undefined
            : `l1_penalty=${l1_penalty} says how large it is`,
      },
      l1_penalty: of('ista.l1_penalty', {
        default: ({ checkpoint_version, stronger }: OfVersion) => published(checkpoint_version).l1_penalty * stronger,
        ...ofVersion,
      }),
      max_steps: of('max_steps', {
        default: ({ checkpoint_version, faster }: OfVersion) => publishedSteps(checkpoint_version, faster),
        rule: wholeNumber({ min: 1 }),
        help: 'how many steps are made',
        ...ofVersion,
      }),
      learning_rate: of('lr', {
        default: ({ checkpoint_version }: OfVersion) => published(checkpoint_version).learning_rate,
        help: "SGD's learning rate",
        ...ofVersion,
      }),
      batch_size: of('batch_size', { default: 125 }),
      weight_decay: of('weight_decay', {
        default: network === 'resnet20' ? 5e-4 : 0,
        help: 'how much kernels shrink in a step, in learning rates; to be left alone from version to version',
      }),
      alpha: of('ista.alpha'),
      width: of('width'),
      bn_momentum: of('bn_momentum', { default: 1e-3, rule: number({ above: 0, max: 1 }) }),
      ...waysOfTraining,
      schedule: of('schedule', { default: 'exponential' }),
      ema_decay: of('ema_decay', { default: 0.999 }),
      log_frequency: of('ista.log_frequency', { help: 'after how many steps there is a line of the log' }),
      augment: {
        default: true,
        rule: flag,
        help: 'whether training images are cropped, flipped and changed in brightness and contrast at random',
      },
      seed: of('seed'),
      ista: {
        weighting: of('ista.weighting'),
        time_images: of('ista.time_images'),
        published_costs: of('ista.published_costs'),
        // If one command trains all three versions, only the last uses it: it must not contradict the others' settings.
        absorb: of('start.absorb', { conflict: null }),
      },
    },
    presets: {
      quick: {
        help: 'all versions in about a minute on two cores: a narrow network, synthetic images, a larger penalty',
        values: {
          data: 'synthetic',
          sizes: { train: 4000, validation: 1000, test: 1000 },
          width: 0.25,
          faster: 300,
          stronger: network === 'cnn4' ? 12 : 60,
          bn_momentum: 0.1,
          ema_decay: 0.9,
          log_frequency: 20,
        },
      },
      short: {
        help: 'all versions within an hour on two cores: a 25th of the steps and a larger penalty',
        values: {
          faster: 25,
          stronger: network === 'cnn4' ? 3 : 4,
          bn_momentum: 0.025,
          ema_decay: 0.98,
          log_frequency: 50,
        },
      },
      published: { help: "the project's versions on CIFAR-10: 30,000, 50,000 and 50,000 steps", values: {} },
    },
    examples: [
      'preset=quick',
      'checkpoint_version=0 l1_penalty=0.001 max_steps=30000',
      'checkpoint_version=1 l1_penalty=0.005 max_steps=50000 ckpt_path=CHECKPOINT',
      'checkpoint_version=2 l1_penalty=0.0 max_steps=50000 learning_rate=0.01 ckpt_path=CHECKPOINT',
      'ckpt_path=CHECKPOINT resume_training=true',
    ],
    stages: ({ checkpoint_version }) =>
      checkpoint_version === null ? istaVersions.map((_, version) => ({ checkpoint_version: version })) : [{}],
    warnings: ({ checkpoint_version }, starts) =>
      starts === 'anew' && (checkpoint_version ?? 0) > 0
        ? [`checkpoint_version=${checkpoint_version} starts from new weights: no network was given with ckpt_path.`]
        : [],
    experiment: ({ checkpoint_version, augment }) => ({
      methods: ['ista'],
      optimizer: 'sgd',
      decay: 'kernels',
      epochs: null,
      augment: augment ? ['crop', 'flip', 'brightness', 'contrast'] : [],
      normalise: 'each',
      start: { compact: checkpoint_version === 2 },
    }),
  });

export const istaResnet20 = ista('resnet20', 'ResNet-20');
export const istaCnn4 = ista('cnn4', 'a CNN of four convolutions');
