import type { PruningScope } from '../../sparsity/index.js';
import { iterative, oneShot, polynomial, type PruningPlan } from '../../sparsity/schedules.js';
import { givenIn } from '../settings/given.js';
import { flag, number, oneOf, orNull, text, wholeNumber } from '../settings/rules.js';
import type { RunLength, Schema, Setting, SettingValue, SomeSettings } from '../settings/schema.js';
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

/** What is pruned when. */
export function pruningPlan({ prune, pruning: { schedule, times } }: FreezePruneSettings): PruningPlan {
  if (prune === 0) return [];
  if (schedule === 'one-shot') return oneShot(prune);
  // So that the share of all is `prune` after `times` times the same share of what is left.
  if (schedule === 'iterative') return iterative(1 - (1 - prune) ** (1 / times), { times });
  return polynomial(prune, { end: times });
}

/** A setting that means nothing where nothing is pruned; `conflict` is what else can speak against it. */
const ofPruning = <T extends SettingValue>(
  setting: Setting<T, FreezePruneSettings>,
): Setting<T, FreezePruneSettings> => ({
  ...setting,
  conflict: (settings) => (settings.prune === 0 ? 'nothing is pruned' : setting.conflict?.(settings)),
});

/** How a run is too short for its prunings, if it is. */
function prunesLess(settings: FreezePruneSettings, { epochs }: RunLength): string | undefined {
  const plan = pruningPlan(settings);
  const made = plan.filter(({ epoch }) => epoch < epochs);
  if (made.length === plan.length) return undefined;
  const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;
  const pruned = 1 - made.reduce((left, { amount }) => left * (1 - amount), 1);
  return (
    `needs ${plan.at(-1)!.epoch + 1} epochs, and the run has ${epochs}: ` +
    `${made.length} of ${plan.length} prunings come to pass, and ${percent(pruned)} are pruned, not ${percent(settings.prune)}`
  );
}

/** How unfreezing comes too late to happen, or too early to be of all that is pruned, if so. */
function unfreezesLess(settings: FreezePruneSettings, { epochs }: RunLength): string | undefined {
  const { unfreeze_epoch } = settings;
  if (unfreeze_epoch === null) return undefined;
  if (unfreeze_epoch >= epochs) return `comes after the last epoch, ${epochs - 1}: what is pruned stays pruned`;
  const later = pruningPlan(settings).filter(({ epoch }) => epoch > unfreeze_epoch && epoch < epochs);
  return later.length === 0
    ? undefined
    : `comes before the pruning of epoch ${later[0].epoch}: what is pruned from then on stays pruned`;
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
    conflict: ({ freeze }) => (freeze === 0 ? 'nothing is frozen' : undefined),
  },
  prune: {
    default: 0,
    rule: number({ min: 0, below: 1 }),
    help: 'the share that is pruned and held at 0, those of smallest magnitude',
  },
  unfreeze_epoch: ofPruning({
    default: null,
    rule: orNull(wholeNumber({ min: 0 }), 'never'),
    help: 'the epoch, counted from 0, before which the pruning becomes permanent and zeros may move',
    warning: unfreezesLess,
  }),
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
    unit: ofPruning({ default: 'weights', rule: oneOf('weights', 'channels'), help: 'what is pruned' }),
    scope: ofPruning({
      default: 'global',
      rule: oneOf('global', 'perLayer'),
      help: 'whether all compete with each other, or those of each layer',
    }),
    schedule: ofPruning({
      default: 'one-shot',
      rule: oneOf('one-shot', 'iterative', 'polynomial'),
      help: 'at once before the first epoch, in equal shares of what is left, or fast at first and slower later',
    }),
    times: ofPruning({
      default: 3,
      rule: wholeNumber({ min: 1 }),
      help: 'before how many epochs something is pruned',
      conflict: ({ pruning }) => (pruning.schedule === 'one-shot' ? 'schedule=one-shot prunes once' : undefined),
      warning: prunesLess,
    }),
    restore: ofPruning({
      default: false,
      rule: flag,
      help: 'whether what was pruned gets its old values back when it may move, instead of starting from 0',
      conflict: ({ unfreeze_epoch }) =>
        unfreeze_epoch === null ? 'without unfreeze_epoch nothing that was pruned may move' : undefined,
    }),
    rewind: ofPruning({
      default: false,
      rule: flag,
      help: 'whether the given network only decides what is pruned, and training starts from new weights (lottery ticket)',
      conflict: ({ pruning }) => (pruning.schedule === 'one-shot' ? undefined : 'only schedule=one-shot can rewind'),
    }),
  },
};

/** The experiment's settings in full. Throws a UserError for an unknown name, a value against its rule, and contradictions. */
export function freezePruneSettings(given: SomeSettings<FreezePruneSettings> = {}): FreezePruneSettings {
  return settle(freezePruneSchema, givenIn(given));
}
