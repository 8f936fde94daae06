import { settle, type SettingRule } from './settle.js';

/** Everything that decides a run of the L0 experiment, besides the images and the start weights. */
export interface L0Settings {
  without_using_gate: boolean;
  lambda_l0: number;
  droprate_init: number;
  width: number;
  epochs: number;
  batch_size: number;
  lr: number;
  lr_gates: number;
  weight_decay: number;
  milestones: number[];
  lr_decay: number;
  augment: boolean;
  seed: number;
}

const rules: Record<keyof L0Settings, SettingRule> = {
  without_using_gate: { help: 'whether the network has no gates at all' },
  lambda_l0: { min: 0, help: 'the weight of the L0 penalty in the loss' },
  droprate_init: { min: 0, max: 1, open: true, help: 'how closed the gates start: 0.05 is open, 0.5 undecided' },
  width: { min: 0, max: 8, open: true, help: "the factor on every layer's number of channels" },
  epochs: { min: 1, whole: true, help: 'how often training passes over the images' },
  batch_size: { min: 1, whole: true, help: 'images a step' },
  lr: { min: 0, help: "AdamW's learning rate" },
  lr_gates: { min: 0, help: 'the learning rate of the gates; a step moves log alpha by about this much' },
  weight_decay: { min: 0, help: 'how much every variable shrinks, in learning rates' },
  milestones: { min: 0, whole: true, help: 'epochs at which the learning rates are multiplied by lr_decay' },
  lr_decay: { min: 0, max: 1, help: 'the factor at each milestone' },
  augment: { help: 'whether training images are flipped and cropped at random' },
  seed: { min: 0, whole: true, help: 'the start of all random numbers' },
};

/** The published schedule: 180 epochs, AdamW at 1e-3, the rate halved at five milestones (facts of the L0 project). */
export const l0Defaults: Readonly<L0Settings> = {
  without_using_gate: false,
  lambda_l0: 1,
  droprate_init: 0.5,
  width: 1,
  epochs: 180,
  batch_size: 128,
  lr: 1e-3,
  lr_gates: 1e-3,
  weight_decay: 1e-4,
  milestones: [10, 60, 100, 130, 160],
  lr_decay: 0.5,
  augment: true,
  seed: 0,
};

/**
 * The L0 experiment's settings in full. `lr_gates` follows `lr` unless it is given. Throws a UserError for an unknown
 * name or a value out of range.
 */
export function l0Settings(given: Partial<L0Settings> = {}): L0Settings {
  return settle({ ...l0Defaults, lr_gates: given.lr ?? l0Defaults.lr }, given, rules);
}
