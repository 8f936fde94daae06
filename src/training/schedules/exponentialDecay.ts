import type { Schedule } from './schedule.js';

export interface ExponentialDecayOptions {
  /** Steps after which the rate has been multiplied by factor once. */
  decaySteps: number;
  factor: number;
  /** Whether the rate changes only every decaySteps steps. Default true. */
  staircase?: boolean;
}

/** factor^(step / decaySteps), rounded down to whole powers for a staircase, as TensorFlow's exponential_decay. */
export function exponentialDecay({ decaySteps, factor, staircase = true }: ExponentialDecayOptions): Schedule {
  return ({ step }) => {
    const periods = step / decaySteps;
    return factor ** (staircase ? Math.floor(periods) : periods);
  };
}
