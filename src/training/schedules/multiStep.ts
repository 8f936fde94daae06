import type { Schedule } from './schedule.js';

export interface MultiStepOptions {
  /** Epochs, counted from 0, from which on the rate is multiplied once more. Default: the L0 project's. */
  milestones?: number[];
  /** Default 0.5. */
  gamma?: number;
}

/** gamma to the power of the number of milestones reached, as PyTorch's MultiStepLR. */
export function multiStep({ milestones = [10, 60, 100, 130, 160], gamma = 0.5 }: MultiStepOptions = {}): Schedule {
  return ({ epoch }) => gamma ** milestones.filter((milestone) => milestone <= epoch).length;
}
