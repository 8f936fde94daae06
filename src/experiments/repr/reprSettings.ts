import type { ReprNextLayer, ReprRanking, ReprScaling } from '../../sparsity/index.js';
import { reprEpoch } from '../../sparsity/schedules.js';
import { givenIn } from '../settings/given.js';
import { flag, number, oneOf, wholeNumber } from '../settings/rules.js';
import type { Schema, Setting, SettingValue, SomeSettings } from '../settings/schema.js';
import { settle } from '../settings/settle.js';
import { trainerSchema, type TrainerSettings } from '../trainerSettings.js';

/** Everything that decides a run of the RePr experiment, besides the images and the start weights. */
export interface ReprSettings extends TrainerSettings {
  standard: boolean;
  S1: number;
  S2: number;
  prune_ratio: number;
  zero_init: boolean;
  width: number;
  epochs: number;
  batch_size: number;
  lr: number;
  crop: boolean;
  seed: number;
  /** Where the paper is silent, or the RePr project does otherwise. */
  repr: {
    ranking: ReprRanking;
    reverse: boolean;
    next_layer: ReprNextLayer;
    scaling: ReprScaling;
    seed_bias: boolean;
  };
}

/** A setting that means nothing in standard training. */
const ofRepr = <T extends SettingValue>(setting: Setting<T, ReprSettings>): Setting<T, ReprSettings> => ({
  ...setting,
  conflict: (settings) =>
    settings.standard ? 'standard=true trains all filters throughout' : setting.conflict?.(settings),
});

/** The RePr project's settings are the default: 100 epochs of plain SGD, three times pruned by 30 %. */
export const reprSchema: Schema<ReprSettings> = {
  standard: { default: false, rule: flag, help: 'whether all filters train throughout, for comparison' },
  S1: ofRepr({
    default: 20,
    rule: wholeNumber({ min: 1 }),
    help: 'epochs before each pruning, in which all filters train',
    warning: ({ S1 }, { epochs }) =>
      S1 >= epochs ? `is as long as the run of ${epochs} epochs or longer: nothing is pruned` : undefined,
  }),
  S2: ofRepr({ default: 10, rule: wholeNumber({ min: 1 }), help: 'epochs after it, in which only the others train' }),
  prune_ratio: ofRepr({
    default: 0.3,
    rule: number({ min: 0, below: 1 }),
    help: 'the share of the filters that each pruning switches off',
  }),
  zero_init: ofRepr({
    default: true,
    rule: flag,
    help: 'whether the next weights of a filter that comes back are 0, instead of random',
    conflict: ({ zero_init, repr }) =>
      zero_init === (repr.next_layer === 'zero') ? undefined : `repr.next_layer=${repr.next_layer} decides about them`,
  }),
  width: { default: 1, rule: number({ above: 0, max: 8 }), help: "the factor on every layer's number of filters" },
  epochs: {
    default: 100,
    rule: wholeNumber({ min: 1 }),
    help: 'how often training passes over the images',
    warning: ({ standard, ...lengths }, { epochs }) =>
      !standard && reprEpoch(epochs - 1, lengths).phase === 'S2'
        ? 'ends within S2: the filters that are off then stay off, and are not re-initialised'
        : undefined,
  },
  batch_size: { default: 128, rule: wholeNumber({ min: 1 }), help: 'images a step' },
  lr: { default: 0.01, rule: number({ min: 0 }), help: "SGD's learning rate" },
  ...trainerSchema(),
  crop: {
    default: true,
    rule: flag,
    help: 'whether training images are moved by up to 4 pixels at random; they are flipped in any case',
  },
  seed: { default: 0, rule: wholeNumber({ min: 0 }), help: 'the start of all random numbers' },
  repr: {
    ranking: ofRepr({
      default: 'global',
      rule: oneOf('global', 'perLayer', 'depthNormalised'),
      help: "what scores are compared with: all filters', their layer's, or all in units of random filters' scores",
    }),
    reverse: ofRepr({ default: false, rule: flag, help: 'whether the most orthogonal filters are pruned instead' }),
    next_layer: ofRepr({
      default: ({ zero_init }) => (zero_init ? 'zero' : 'random'),
      rule: oneOf('zero', 'random', 'keep'),
      help: 'what becomes of the next weights of a filter that comes back; keep is what the project calls random',
    }),
    scaling: ofRepr({
      default: 'clip',
      rule: oneOf('clip', 'rescale'),
      help: 'how new filters are brought within the bounds of start values; rescaled ones stay orthogonal',
    }),
    seed_bias: ofRepr({
      default: false,
      rule: flag,
      help: 'whether biases of filters that are off train on, so that they give relu(bias)',
    }),
  },
};

/**
 * The RePr experiment's settings in full. Throws a UserError for an unknown name, a value against its rule, and a setting
 * of RePr with `standard`.
 */
export function reprSettings(given: SomeSettings<ReprSettings> = {}): ReprSettings {
  return settle(reprSchema, givenIn(given));
}
