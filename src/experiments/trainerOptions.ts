import { batchCount } from '../data/batches.js';
import type { DataSplits } from '../data/dataSplits.js';
import { crossEntropy } from '../training/loss.js';
import { constant, exponentialDecay, multiStep, oneCycle, type Schedule } from '../training/schedules.js';
import type { TrainingOptions } from '../training/train.js';
import type { TrainerSettings } from './trainerSettings.js';

type TrainerPart = Required<Pick<TrainingOptions, 'schedule' | 'loss'>>;

/** What `train` needs to do as the settings say. */
export function trainerOptions(
  settings: TrainerSettings & { epochs: number; batch_size: number },
  { train }: Pick<DataSplits, 'train'>,
): TrainerPart {
  const stepsPerEpoch = batchCount(train.labels.length, { batchSize: settings.batch_size });
  return {
    schedule: scheduleOf(settings, stepsPerEpoch, settings.epochs),
    loss: crossEntropy({ label_smoothing: settings.label_smoothing }),
  };
}

function scheduleOf(settings: TrainerSettings, stepsPerEpoch: number, epochs: number): Schedule {
  const { schedule, milestones, decay_epochs, lr_decay } = settings;
  if (schedule === 'steps') return multiStep({ milestones, gamma: lr_decay });
  if (schedule === 'one-cycle') return oneCycle({ totalSteps: stepsPerEpoch * epochs });
  if (schedule === 'constant') return constant;
  return exponentialDecay({ decaySteps: decay_epochs * stepsPerEpoch, factor: lr_decay });
}
