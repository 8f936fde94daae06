import { check, listOf, number, wholeNumber } from '../rules.js';

/** How far a run is. */
export interface Progress {
  /** Counted from 0. */
  epoch: number;
  /** Steps made since the start of the run. */
  step: number;
  /** The number of steps of the whole run if nothing stops it. */
  totalSteps: number;
}

/** The factor by which learning rates are multiplied at a point of the run. */
export type Schedule = (progress: Progress) => number;

/** The same learning rate throughout. */
export const constant: Schedule = () => 1;

/** The epochs at which `multiStep` lowers the learning rate, and the factor. */
export interface MultiStepOptions {
  /** Epochs, counted from 0, from which the rate is multiplied by gamma once more. Default: the L0 project's. */
  milestones?: number[];
  /** Default 0.5. */
  gamma?: number;
}

/**
 * gamma to the power of the number of milestones reached, as in PyTorch's MultiStepLR. Throws a UserError for values
 * out of range.
 */
export function multiStep({ milestones = [10, 60, 100, 130, 160], gamma = 0.5 }: MultiStepOptions = {}): Schedule {
  check('milestones', milestones, listOf(wholeNumber({ min: 0 })));
  check('gamma', gamma, number({ min: 0 }));
  return ({ epoch }) => gamma ** milestones.filter((milestone) => milestone <= epoch).length;
}

/**
 * factor^floor(step / decaySteps), as in TensorFlow's exponential_decay with a staircase. Throws a UserError for values
 * out of range.
 */
export function exponentialDecay({ decaySteps, factor }: { decaySteps: number; factor: number }): Schedule {
  check('decaySteps', decaySteps, number({ above: 0 }));
  check('factor', factor, number({ min: 0 }));
  return ({ step }) => factor ** Math.floor(step / decaySteps);
}

/**
 * Rises once from base / 25 to the base rate in the first 0.3 of the run's steps, and falls once to base / 250,000,
 * each along half a cosine, as in PyTorch's OneCycleLR (Smith and Topin 2018).
 */
export function oneCycle(): Schedule {
  const cosine = (from: number, to: number, share: number): number =>
    to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share));
  return ({ step, totalSteps }) => {
    const [top, last] = [0.3 * totalSteps - 1, totalSteps - 1];
    const at = Math.min(step, last);
    return at < top ? cosine(1 / 25, 1, at / top) : cosine(1, 1 / 25 / 1e4, (at - top) / (last - top));
  };
}
