import { listOf, number, oneOf, orNull, wholeNumber } from './settings/rules.js';
import type { Schema } from './settings/schema.js';

/** How the learning rate goes on from lr, and other ways of training that no sparsity method cares about. */
export interface TrainerSettings {
  schedule: 'constant' | 'steps' | 'exponential' | 'one-cycle';
  milestones: number[];
  decay_epochs: number;
  lr_decay: number;
  label_smoothing: number;
  ema_decay: number | null;
}

const published: TrainerSettings = {
  schedule: 'constant',
  milestones: [],
  decay_epochs: 350,
  lr_decay: 0.1,
  label_smoothing: 0,
  ema_decay: null,
};

/** Why a setting means nothing with the schedule, if it belongs to other ones. */
const belongsTo =
  (...schedules: TrainerSettings['schedule'][]) =>
  ({ schedule }: TrainerSettings): string | undefined =>
    schedules.includes(schedule) ? undefined : `schedule=${schedule} does not use it`;

/**
 * The settings of training, with the defaults of an experiment's own. Its milestones, and `others` that are published, are
 * of the published number of epochs: a run of fewer is not told of those that it does not reach.
 */
export const trainerSchema = (
  own: Partial<TrainerSettings> = {},
  others: readonly number[][] = [],
): Schema<TrainerSettings> => {
  const defaults = { ...published, ...own };
  const known = [defaults.milestones, ...others].map(String);
  return {
    schedule: {
      default: defaults.schedule,
      rule: oneOf('constant', 'steps', 'exponential', 'one-cycle'),
      help: 'how the learning rates change: at milestones, every so many epochs, or up to lr and down to nothing',
      warning: ({ schedule, milestones }) =>
        schedule === 'steps' && schedule !== defaults.schedule && milestones.length === 0
          ? 'has no milestones: the learning rates stay as they are'
          : undefined,
    },
    milestones: {
      default: defaults.milestones,
      rule: listOf(wholeNumber({ min: 0 })),
      help: 'epochs, counted from 0, from which on the learning rates are multiplied by lr_decay once more',
      conflict: belongsTo('steps'),
      warning({ milestones }, { epochs }) {
        const late = milestones.filter((epoch) => epoch >= epochs);
        if (late.length === 0 || known.includes(String(milestones))) return undefined;
        return `has ${late.join(', ')} after the last epoch, ${epochs - 1}, where no learning rate changes any more`;
      },
    },
    decay_epochs: {
      default: defaults.decay_epochs,
      rule: number({ above: 0 }),
      help: 'after how many epochs they are multiplied by lr_decay, and again after as many',
      conflict: belongsTo('exponential'),
      warning: ({ decay_epochs }, { epochs }) =>
        decay_epochs >= epochs && decay_epochs !== defaults.decay_epochs
          ? `is as long as the run of ${epochs} epochs or longer: the learning rates stay as they are`
          : undefined,
    },
    lr_decay: {
      default: defaults.lr_decay,
      rule: number({ min: 0, max: 1 }),
      help: 'the factor at each milestone, or of each stretch of decay_epochs',
      conflict: (settings) =>
        belongsTo('steps', 'exponential')(settings) ??
        (settings.schedule === 'steps' && settings.milestones.length === 0 ? 'there are no milestones' : undefined),
    },
    label_smoothing: {
      default: defaults.label_smoothing,
      rule: number({ min: 0, below: 1 }),
      help: "the share of each image's label that all classes divide among them in training",
    },
    ema_decay: {
      default: defaults.ema_decay,
      rule: orNull(number({ min: 0, below: 1 }), 'none'),
      help: 'how slowly averages of the weights follow them; where there are averages, they are what is evaluated',
    },
  };
};
