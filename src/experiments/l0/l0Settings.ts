import type { GateSampling } from '../../layers/l0Gate.js';
import type { L0Weighting } from '../../sparsity/l0.js';
import { givenIn } from '../settings/given.js';
import { flag, number, oneOf, orNull, wholeNumber } from '../settings/rules.js';
import type { Schema, Setting, SettingValue, SomeSettings } from '../settings/schema.js';
import { settle } from '../settings/settle.js';
import { trainerSchema, type TrainerSettings } from '../trainerSettings.js';

/** Everything that decides a run of the L0 experiment, besides the images and the start weights. */
export interface L0Settings extends TrainerSettings {
  without_using_gate: boolean;
  lambda_l0: number;
  target_sparsity: number | null;
  droprate_init: number;
  width: number;
  epochs: number;
  batch_size: number;
  lr: number;
  lr_gates: number;
  weight_decay: number;
  augment: boolean;
  seed: number;
  /** Where the L0 project, the paper and the paper's code differ. */
  gates: { unstructured: boolean; sampling: GateSampling; weighting: L0Weighting; reduce: boolean; clamp: boolean };
}

/** A setting that only a network with gates can have; `conflict` is what else can speak against it. */
const ofGates = <T extends SettingValue>(setting: Setting<T, L0Settings>): Setting<T, L0Settings> => ({
  ...setting,
  conflict: (settings) =>
    settings.without_using_gate
      ? 'without_using_gate=true builds a network that has no gates'
      : setting.conflict?.(settings),
});

/** The published schedule for a trained network whose gates start open: the learning rate is halved five times. */
export const l0FineTuning = {
  milestones: [10, 60, 100, 130, 160],
  lr_decay: 0.5,
} satisfies SomeSettings<L0Settings>;

/** The published schedule from scratch is the default: 180 epochs of AdamW at 1e-3, a tenth of it at two milestones. */
export const l0Schema: Schema<L0Settings> = {
  without_using_gate: { default: false, rule: flag, help: 'whether the network has no gates at all' },
  lambda_l0: ofGates({
    default: 1,
    rule: number({ min: 0 }),
    help: 'the weight of the L0 penalty in the loss',
    conflict: ({ target_sparsity }) =>
      target_sparsity === null ? undefined : `target_sparsity=${target_sparsity} chooses lambda by itself`,
  }),
  target_sparsity: ofGates({
    default: null,
    rule: orNull(number({ min: 0, below: 1 }), 'a fixed lambda_l0'),
    help: 'the share of parameters to be removed; lambda is then chosen anew after each step so as to reach and hold it',
    // Lambda follows a ramp while log alpha travels by 8, at lr_gates a step, and settles in twice the time.
    warning: ({ target_sparsity, lr_gates }, { steps }) =>
      target_sparsity !== null && lr_gates > 0 && steps * lr_gates < 8
        ? `needs about ${Math.ceil(20 / lr_gates)} steps at lr_gates=${lr_gates}, and the run has ${steps}`
        : undefined,
  }),
  droprate_init: ofGates({
    default: 0.5,
    rule: number({ above: 0, below: 1 }),
    help: 'how closed the gates start; 0.05 is open (P(mask != 0) = 0.989), 0.5 undecided (0.832)',
  }),
  width: {
    default: 1,
    rule: number({ above: 0, max: 8 }),
    help: "the factor on every layer's number of channels",
  },
  epochs: { default: 180, rule: wholeNumber({ min: 1 }), help: 'how often training passes over the images' },
  batch_size: { default: 128, rule: wholeNumber({ min: 1 }), help: 'images a step' },
  lr: { default: 1e-3, rule: number({ min: 0 }), help: "AdamW's learning rate" },
  lr_gates: ofGates({
    default: ({ lr }) => lr,
    rule: number({ min: 0 }),
    help: 'the learning rate of the gates, lr by default; a step moves log alpha by about this much',
    warning: ({ lr_gates }) => (lr_gates === 0 ? 'leaves every gate as it starts: none closes' : undefined),
  }),
  weight_decay: {
    default: 1e-4,
    rule: number({ min: 0 }),
    help: 'how much every variable shrinks in a step, in learning rates',
  },
  ...trainerSchema({ schedule: 'steps', milestones: [100, 150], lr_decay: 0.1 }, [l0FineTuning.milestones]),
  augment: { default: true, rule: flag, help: 'whether training images are flipped and cropped at random' },
  seed: { default: 0, rule: wholeNumber({ min: 0 }), help: 'the start of all random numbers' },
  gates: {
    unstructured: ofGates({
      default: false,
      rule: flag,
      help: 'whether each weight of the kernels has a gate, in place of each channel',
    }),
    sampling: ofGates({
      default: ({ gates }) => (gates.unstructured ? 'batch' : 'image'),
      rule: oneOf('image', 'batch'),
      help: "what shares a mask in training; the paper's code draws one for each batch",
      conflict: ({ gates }) =>
        gates.unstructured && gates.sampling === 'image'
          ? 'with gates.unstructured=true a batch shares the weights, and so their masks'
          : undefined,
    }),
    weighting: ofGates({
      default: 'sum',
      rule: oneOf('sum', 'parameters', 'multiplyAdds'),
      help: 'what the penalty counts of an open channel: one, or what the channel costs',
    }),
    reduce: ofGates({
      default: false,
      rule: flag,
      help: 'whether the 1x1 convolutions that reduce channels have gates too',
      conflict: ({ gates }) =>
        gates.unstructured ? 'with gates.unstructured=true the weights of every kernel have gates' : undefined,
    }),
    clamp: ofGates({
      default: false,
      rule: flag,
      help: "whether log alpha stays within +-ln 100, as in the paper's code",
    }),
  },
};

/**
 * The L0 experiment's settings in full; `base` has those that hold where none is given. Throws a UserError for an unknown
 * name, a value against its rule, and a setting of the gates with `without_using_gate`.
 */
export function l0Settings(given: SomeSettings<L0Settings> = {}, base: SomeSettings<L0Settings> = {}): L0Settings {
  return settle(l0Schema, givenIn(given), givenIn(base));
}
