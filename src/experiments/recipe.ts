import { alternatingFlip, randomBrightness, randomContrast, randomFlip, randomPaddedCrop } from '../data/augment.js';
import type { Augmentation } from '../data/augment.js';
import type { ImageSet } from '../data/imageSet.js';
import {
  channelStatistics,
  cifar10ImageStatistics,
  cifar10Statistics,
  normalise,
  scaleValues,
  standardise,
  type Normalise,
} from '../data/normalise.js';
import { randomResizedCrop } from '../data/resizedCrop.js';
import type { TestTimeAugmentation } from '../training/evaluate.js';
import { constant, exponentialDecay, multiStep, oneCycle, type Schedule } from '../training/schedules.js';
import { flag, listOf, number, oneOf, orNull, setOf, wholeNumber } from '../rules.js';
import type { RunLength, Schema } from './settings/schema.js';

/** How a network is trained, independently of the methods that make it sparse. */
export interface RecipeSettings {
  recipe: 'own' | 'published' | 'fast';
  optimizer: 'adamw' | 'adam' | 'sgd' | 'muon';
  lr: number;
  momentum: number;
  nesterov: boolean;
  relative_lr: number | null;
  weight_decay: number;
  decay: 'all' | 'kernels';
  epochs: number | null;
  max_steps: number | null;
  batch_size: number;
  drop_last: boolean;
  schedule: 'constant' | 'steps' | 'exponential' | 'one-cycle';
  milestones: number[];
  decay_epochs: number;
  lr_decay: number;
  augment: (keyof typeof augmentations)[];
  normalise: keyof typeof normalisations;
  progressive_resizing: number[];
  label_smoothing: number;
  softmax_in_loss: boolean;
  softmax_scale: number;
  ema_decay: number | null;
  tta: TestTimeAugmentation;
  select: 'last' | 'best';
}

/** Ways to change a training image at random, by name. */
export const augmentations = {
  flip: () => randomFlip,
  'alternating-flip': () => alternatingFlip,
  crop: () => randomPaddedCrop(),
  translate: () => randomPaddedCrop(2, 'reflect'),
  'resized-crop': () => randomResizedCrop(),
  brightness: () => randomBrightness(),
  contrast: () => randomContrast(),
} satisfies Record<string, () => Augmentation>;

/** Ways to turn values from 0 to 255 into the input of a network, by name. */
export const normalisations = {
  data: (train: ImageSet) => normalise(channelStatistics(train)),
  pixels: () => normalise(cifar10Statistics),
  images: () => normalise(cifar10ImageStatistics),
  each: () => standardise,
  unit: () => scaleValues({ scale: 1 / 255, shift: 0 }),
  signed: () => scaleValues({ scale: 1 / 127.5, shift: -1 }),
  none: () => () => undefined,
} satisfies Record<string, (train: ImageSet) => Normalise>;

const keys = <K extends string>(record: Record<K, unknown>): K[] => Object.keys(record) as K[];

/** Why a setting has no effect with the schedule, if it belongs to other schedules. */
const belongsTo =
  (...schedules: RecipeSettings['schedule'][]) =>
  ({ schedule }: RecipeSettings): string | undefined =>
    schedules.includes(schedule) ? undefined : `schedule=${schedule} does not use it`;

const withMomentum = ({ optimizer }: RecipeSettings): string | undefined =>
  optimizer === 'sgd' || optimizer === 'muon' ? undefined : `optimizer=${optimizer} does not use it`;

export const recipeSchema: Schema<RecipeSettings> = {
  recipe: {
    default: 'own',
    rule: oneOf('own', 'published', 'fast'),
    help: "whose values hold for settings of training that are not given: the experiment's own, those of the network's document, or the fast ones",
  },
  optimizer: {
    default: 'adamw',
    rule: oneOf('adamw', 'adam', 'sgd', 'muon'),
    help: 'the rule by which gradients change weights',
  },
  lr: {
    default: ({ optimizer }) => (optimizer === 'sgd' ? 0.1 : 1e-3),
    rule: number({ min: 0 }),
    help: 'the learning rate, before the schedule',
  },
  momentum: {
    default: ({ optimizer }) => (optimizer === 'muon' ? 0.95 : 0),
    rule: number({ min: 0, below: 1 }),
    help: 'the momentum of SGD or Muon',
    conflict: withMomentum,
  },
  nesterov: {
    default: ({ optimizer }) => optimizer === 'muon',
    rule: flag,
    help: "whether SGD and Muon use Nesterov's momentum",
    conflict: (settings) =>
      withMomentum(settings) ??
      (settings.nesterov && settings.momentum === 0 ? 'momentum=0 has no velocity' : undefined),
  },
  relative_lr: {
    default: null,
    neutral: null,
    rule: orNull(number({ above: 0 }), 'steps as large as those of AdamW at lr'),
    help: "with muon, the share of a convolution kernel's length that a step changes, before the schedule; the kernel is brought to the length sqrt(outputs) before each step and does not decay",
    conflict: ({ optimizer, lr }) =>
      optimizer !== 'muon'
        ? `optimizer=${optimizer} does not use it`
        : lr === 0
          ? 'lr=0 is of all learning rates that the schedule multiplies'
          : undefined,
  },
  weight_decay: {
    default: 1e-4,
    rule: number({ min: 0 }),
    help: 'the weight decay: times the learning rate in each step with adamw and muon, added to the gradient with adam and sgd',
  },
  decay: {
    default: 'all',
    rule: oneOf('all', 'kernels'),
    help: 'which variables decay: all, or only kernels, not biases, batch norms and gates',
    conflict: ({ weight_decay }) => (weight_decay === 0 ? 'weight_decay=0 shrinks nothing' : undefined),
  },
  epochs: {
    default: 20,
    rule: orNull(wholeNumber({ min: 1 }), 'as many as max_steps take'),
    help: 'the number of passes over the training images',
    conflict: ({ epochs, max_steps }) =>
      epochs === null && max_steps === null ? 'max_steps=null does not say where training ends' : undefined,
  },
  max_steps: {
    default: null,
    rule: orNull(wholeNumber({ min: 1 }), 'all of the epochs'),
    help: 'the largest number of steps',
  },
  batch_size: { default: 128, rule: wholeNumber({ min: 1 }), help: 'images a step' },
  drop_last: {
    default: false,
    rule: flag,
    help: 'whether a last batch that is not full is left out of training',
  },
  schedule: {
    default: 'constant',
    rule: oneOf('constant', 'steps', 'exponential', 'one-cycle'),
    help: 'how the learning rates change: at milestones, every so many epochs, or up to lr and down to zero',
    warning: ({ schedule, milestones }) =>
      schedule === 'steps' && milestones.length === 0
        ? 'has no milestones: the learning rates stay as they are'
        : undefined,
  },
  milestones: {
    default: [],
    rule: listOf(wholeNumber({ min: 0 })),
    help: 'epochs, counted from 0, from which on the learning rates are multiplied by lr_decay once more',
    conflict: belongsTo('steps'),
    warning({ milestones }, { epochs }) {
      const late = milestones.filter((epoch) => epoch >= epochs);
      if (late.length === 0) return undefined;
      return `has ${late.join(', ')} after the last epoch, ${epochs - 1}, where no learning rate changes any more`;
    },
  },
  decay_epochs: {
    default: 350,
    rule: number({ above: 0 }),
    help: 'after how many epochs the learning rates are multiplied by lr_decay, again and again',
    conflict: belongsTo('exponential'),
    warning: ({ decay_epochs }, { epochs }) =>
      decay_epochs >= epochs && decay_epochs !== 350
        ? `is as long as the run of ${epochs} epochs or longer: the learning rates stay as they are`
        : undefined,
  },
  lr_decay: {
    default: 0.1,
    rule: number({ min: 0, max: 1 }),
    help: 'the factor at each milestone, or after every decay_epochs',
    conflict: (settings) =>
      belongsTo('steps', 'exponential')(settings) ??
      (settings.schedule === 'steps' && settings.milestones.length === 0 ? 'there are no milestones' : undefined),
  },
  augment: {
    default: [],
    rule: setOf(oneOf(...keys(augmentations))),
    help: 'how training images are changed at random, in this order',
  },
  normalise: {
    default: 'data',
    rule: oneOf(...keys(normalisations)),
    help: "what becomes of values from 0 to 255: they are normalised by mean and deviation, the training images' (data), CIFAR-10's (of its pixels, or the mean of its images'), or each image's own; divided, into 0 to 1 (unit) or -1 to 1 (signed); or nothing, for a network that scales them itself (none)",
  },
  progressive_resizing: {
    default: [],
    neutral: [],
    rule: listOf(number({ above: 0, max: 4 })),
    help: "factors on the training images' height and width, each for an equal part of the epochs; the last part has full size",
    warning: ({ progressive_resizing: { length } }, { epochs }) =>
      length >= epochs ? `has more sizes than the run has epochs, ${epochs}` : undefined,
  },
  label_smoothing: {
    default: 0,
    rule: number({ min: 0, below: 1 }),
    help: "the share of each image's label that all classes divide among them in training",
  },
  softmax_in_loss: {
    default: false,
    rule: flag,
    help: 'whether the loss gets probabilities where it expects logits',
  },
  softmax_scale: {
    default: 1,
    rule: number({ above: 0 }),
    help: 'the factor on those probabilities',
    conflict: ({ softmax_in_loss }) => (softmax_in_loss ? undefined : 'softmax_in_loss=false has no such factor'),
  },
  ema_decay: {
    default: null,
    rule: orNull(number({ min: 0, below: 1 }), 'none'),
    help: 'the decay of the moving averages of the weights; if there are averages, they are evaluated',
  },
  tta: {
    default: 'none',
    neutral: 'none',
    rule: oneOf('none', 'mirror', 'mirror-shift'),
    help: 'test-time augmentation, beside the plain accuracy: over which views of an image the trained network averages its logits',
  },
  select: {
    default: 'last',
    rule: oneOf('last', 'best'),
    help: 'which network is the result of a run: that of the last step, or of the epoch with the best validation accuracy',
  },
};

/** The augmentations that settings name. */
export const augmentationsOf = ({ augment }: Pick<RecipeSettings, 'augment'>): Augmentation[] =>
  augment.map((name) => augmentations[name]());

/** The normalisation that settings name, for images like the training images. */
export const normalisationOf = ({ normalise }: Pick<RecipeSettings, 'normalise'>, train: ImageSet): Normalise =>
  normalisations[normalise](train);

/** The schedule of the learning rates in a run with this many steps per epoch. */
export function scheduleOf(
  { schedule, milestones, decay_epochs, lr_decay }: RecipeSettings,
  { stepsPerEpoch }: { stepsPerEpoch: number },
): Schedule {
  if (schedule === 'steps') return multiStep({ milestones, gamma: lr_decay });
  if (schedule === 'one-cycle') return oneCycle();
  if (schedule === 'constant') return constant;
  return exponentialDecay({ decaySteps: decay_epochs * stepsPerEpoch, factor: lr_decay });
}

/** The factor on the learning rates at each step of a run. */
export function factorsOf(
  settings: RecipeSettings,
  { steps, stepsPerEpoch }: Pick<RunLength, 'steps' | 'stepsPerEpoch'>,
): number[] {
  const schedule = scheduleOf(settings, { stepsPerEpoch });
  return Array.from({ length: steps }, (_, step) =>
    schedule({ epoch: Math.floor(step / stepsPerEpoch), step, totalSteps: steps }),
  );
}
