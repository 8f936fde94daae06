import { flag, number, oneOf, orNull, wholeNumber } from '../settings/rules.js';
import type { Schema, Setting, SettingValue, SomeSettings } from '../settings/schema.js';
import { givenIn } from '../settings/given.js';
import { settle } from '../settings/settle.js';
import { trainerSchema, type TrainerSettings } from '../trainerSettings.js';

/** The networks of the project on ISTA. */
export type IstaNetwork = 'resnet20' | 'cnn4';

/** Everything that decides a run of the ISTA experiment, besides the images and the start weights. */
export interface IstaSettings extends TrainerSettings {
  /** null: versions 0, 1 and 2 one after another. */
  checkpoint_version: number | null;
  faster: number;
  stronger: number;
  l1_penalty: number;
  max_steps: number;
  learning_rate: number;
  batch_size: number;
  weight_decay: number;
  alpha: number;
  width: number;
  bn_momentum: number;
  log_frequency: number;
  augment: boolean;
  seed: number;
  /** Where the ISTA project, its paper and exactness differ. */
  ista: { seed_costs: boolean; absorb: 'exact' | 'interior' | 'none' };
}

/** The versions that a run can start from, each with what the project's README trains it with. */
export const istaVersions = [
  { l1_penalty: 0.001, max_steps: 30_000, learning_rate: 0.1 },
  { l1_penalty: 0.005, max_steps: 50_000, learning_rate: 0.1 },
  { l1_penalty: 0, max_steps: 50_000, learning_rate: 0.01 },
] as const;

const published = (version: number | null): (typeof istaVersions)[number] => istaVersions[version ?? 0];

const publishedSteps = (version: number | null, faster: number): number =>
  Math.ceil(published(version).max_steps / faster);

/** A setting that has another value for each version. */
const ofVersion = <T extends SettingValue>(setting: Setting<T, IstaSettings>): Setting<T, IstaSettings> => ({
  ...setting,
  conflict: ({ checkpoint_version }) =>
    checkpoint_version === null ? 'each version has its own; choose one with checkpoint_version' : undefined,
});

/** The project's settings are the default: three versions of SGD without momentum, 130,000 steps in all. */
export const istaSchema = (network: IstaNetwork): Schema<IstaSettings> => ({
  checkpoint_version: {
    default: null,
    rule: orNull(wholeNumber({ min: 0, max: 2 }), 'versions 0, 1 and 2 one after another'),
    help: 'the version to start from: 0 new weights, 1 a trained network, 2 one to be made compact; the run makes the next',
  },
  faster: {
    default: 1,
    rule: number({ min: 1 }),
    help: 'how many times fewer steps there are than published',
    conflict: ({ checkpoint_version: version, faster, max_steps }) =>
      max_steps === publishedSteps(version, faster) ? undefined : `max_steps=${max_steps} says how many there are`,
  },
  stronger: {
    default: 1,
    rule: number({ min: 1 }),
    help: 'how many times larger the penalty is than published, so that gammas get to 0 in fewer steps',
    conflict: ({ checkpoint_version: version, stronger, l1_penalty }) =>
      l1_penalty === published(version).l1_penalty * stronger
        ? undefined
        : `l1_penalty=${l1_penalty} says how large it is`,
  },
  l1_penalty: ofVersion({
    default: ({ checkpoint_version, stronger }) => published(checkpoint_version).l1_penalty * stronger,
    rule: number({ min: 0 }),
    help: 'how much of the learning rate, times what its channel costs, each gamma loses in a step',
  }),
  max_steps: ofVersion({
    default: ({ checkpoint_version, faster }) => publishedSteps(checkpoint_version, faster),
    rule: wholeNumber({ min: 1 }),
    help: 'how many steps are made',
  }),
  learning_rate: ofVersion({
    default: ({ checkpoint_version }) => published(checkpoint_version).learning_rate,
    rule: number({ min: 0 }),
    help: "SGD's learning rate",
  }),
  batch_size: { default: 125, rule: wholeNumber({ min: 1 }), help: 'images a step' },
  weight_decay: {
    default: network === 'resnet20' ? 5e-4 : 0,
    rule: number({ min: 0 }),
    help: 'how much kernels shrink in a step, in learning rates; to be left alone from version to version',
  },
  alpha: {
    default: 1,
    rule: number({ above: 0 }),
    help: 'the factor on all gammas at the start, taken back from the next weights; smaller ones reach 0 sooner',
  },
  width: { default: 1, rule: number({ above: 0, max: 8 }), help: "the factor on every layer's number of channels" },
  bn_momentum: {
    default: 1e-3,
    rule: number({ above: 0, max: 1 }),
    help: 'the share of a new batch in the running statistics; short runs want more',
  },
  ...trainerSchema({ schedule: 'exponential', decay_epochs: 350, lr_decay: 0.1, ema_decay: 0.999 }),
  log_frequency: {
    default: 100,
    rule: wholeNumber({ min: 1 }),
    help: 'after how many steps there is a line of the log',
    warning: ({ log_frequency }, { steps }) =>
      log_frequency > steps && log_frequency !== 100
        ? `is more than the run has, ${steps}: its log has no line`
        : undefined,
  },
  augment: {
    default: true,
    rule: flag,
    help: 'whether training images are cropped, flipped and changed in brightness and contrast at random',
  },
  seed: { default: 0, rule: wholeNumber({ min: 0 }), help: 'the start of all random numbers' },
  ista: {
    seed_costs: {
      default: false,
      rule: flag,
      help: "whether CNN-4's third layer costs what it does in the project's code, instead of what the rule gives",
    },
    absorb: {
      default: 'exact',
      rule: oneOf('exact', 'interior', 'none'),
      help: 'what becomes of the constants that removed channels put out; interior leaves an error at the borders',
    },
  },
});

/**
 * The ISTA experiment's settings in full. Throws a UserError for an unknown name, a value against its rule, and a setting
 * of one version with all of them.
 */
export function istaSettings(network: IstaNetwork, given: SomeSettings<IstaSettings> = {}): IstaSettings {
  return settle(istaSchema(network), givenIn(given));
}
