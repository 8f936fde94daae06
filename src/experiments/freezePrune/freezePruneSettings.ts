import type { PruningScope } from '../../sparsity/index.js';
import { givenIn } from '../settings/given.js';
import { flag, number, oneOf, orNull, text, wholeNumber } from '../settings/rules.js';
import type { Schema, SomeSettings } from '../settings/schema.js';
import { settle } from '../settings/settle.js';
import { trainerSchema, type TrainerSettings } from '../trainerSettings.js';

/** Everything that decides a run of the freezing and pruning experiment, besides the images and the start weights. */
export interface FreezePruneSettings extends TrainerSettings {
  freeze: number;
  freeze_bn: boolean;
  prune: number;
  unfreeze_epoch: number | null;
  softmax_in_loss: boolean;
  softmax_scale: number;
  weights: string | null;
  new_head: boolean;
  half: 'all' | 'first' | 'second';
  frozen_batch_norm: boolean;
  width: number;
  epochs: number;
  batch_size: number;
  lr: number;
  weight_decay: number;
  augment: boolean;
  seed: number;
  pruning: {
    unit: 'weights' | 'channels';
    scope: PruningScope;
    schedule: 'one-shot' | 'iterative' | 'polynomial';
    times: number;
    restore: boolean;
    rewind: boolean;
  };
}

/** The project's task: ten epochs of Adam, nothing frozen, nothing pruned. */
export const freezePruneSchema: Schema<FreezePruneSettings> = {
  freeze: {
    default: 0,
    rule: number({ min: 0, below: 1 }),
    help: 'the share of the kernels, the first ones, rounded up, that stay as they are; the project tries 0.1, 0.2 and 0.3',
  },
  freeze_bn: {
    default: true,
    rule: flag,
    help: 'whether the batch norm behind a frozen kernel is frozen too, running statistics included',
  },
  prune: {
    default: 0,
    rule: number({ min: 0, below: 1 }),
    help: 'the share that is pruned and held at 0, those of smallest magnitude',
  },
  unfreeze_epoch: {
    default: null,
    rule: orNull(wholeNumber({ min: 0 }), 'never'),
    help: 'the epoch, counted from 0, before which the pruning becomes permanent and zeros may move',
    conflict: ({ prune }) => (prune === 0 ? 'nothing is pruned' : undefined),
  },
  softmax_in_loss: {
    default: false,
    rule: flag,
    help: "whether the loss gets probabilities where it wants logits, the project's first try",
  },
  softmax_scale: {
    default: 1,
    rule: number({ above: 0 }),
    help: 'the factor on those probabilities',
    conflict: ({ softmax_in_loss }) => (softmax_in_loss ? undefined : 'softmax_in_loss=false has no such factor'),
  },
  weights: {
    default: null,
    rule: orNull(text('the path of a safetensors file'), 'new weights'),
    help: "where the body's start weights are, in torchvision's or timm's naming",
  },
  new_head: {
    default: false,
    rule: flag,
    help: 'whether the two dense layers start anew where the others start from a given network, as with ImageNet weights',
    conflict: ({ pruning }) => (pruning.rewind ? 'pruning.rewind=true starts all layers anew' : undefined),
  },
  half: {
    default: 'all',
    rule: oneOf('all', 'first', 'second'),
    help: 'which half of the training images is used: one to pre-train on and another to go on with stand in for ImageNet',
  },
  frozen_batch_norm: {
    default: false,
    rule: flag,
    help: 'whether all batch norm stays as in evaluation during training, as it did in the project',
  },
  width: { default: 1, rule: number({ above: 0, max: 8 }), help: "the factor on every layer's number of channels" },
  epochs: { default: 10, rule: wholeNumber({ min: 1 }), help: 'how often training passes over the images' },
  batch_size: { default: 128, rule: wholeNumber({ min: 1 }), help: 'images a step' },
  lr: { default: 1e-3, rule: number({ min: 0 }), help: "Adam's learning rate" },
  weight_decay: { default: 0, rule: number({ min: 0 }), help: 'how much of each weight is added to its gradient' },
  ...trainerSchema(),
  augment: { default: true, rule: flag, help: 'whether training images are moved and flipped at random' },
  seed: { default: 0, rule: wholeNumber({ min: 0 }), help: 'the start of all random numbers' },
  pruning: {
    unit: { default: 'weights', rule: oneOf('weights', 'channels'), help: 'what is pruned' },
    scope: {
      default: 'global',
      rule: oneOf('global', 'perLayer'),
      help: 'whether all compete with each other, or those of each layer',
    },
    schedule: {
      default: 'one-shot',
      rule: oneOf('one-shot', 'iterative', 'polynomial'),
      help: 'at once before the first epoch, in equal shares of what is left, or fast at first and slower later',
    },
    times: {
      default: 3,
      rule: wholeNumber({ min: 1 }),
      help: 'before how many epochs something is pruned',
      conflict: ({ pruning }) => (pruning.schedule === 'one-shot' ? 'schedule=one-shot prunes once' : undefined),
    },
    restore: {
      default: false,
      rule: flag,
      help: 'whether what was pruned gets its old values back when it may move, instead of starting from 0',
    },
    rewind: {
      default: false,
      rule: flag,
      help: 'whether the given network only decides what is pruned, and training starts from new weights (lottery ticket)',
      conflict: ({ pruning }) => (pruning.schedule === 'one-shot' ? undefined : 'only schedule=one-shot can rewind'),
    },
  },
};

/** The experiment's settings in full. Throws a UserError for an unknown name, a value against its rule, and contradictions. */
export function freezePruneSettings(given: SomeSettings<FreezePruneSettings> = {}): FreezePruneSettings {
  return settle(freezePruneSchema, givenIn(given));
}
