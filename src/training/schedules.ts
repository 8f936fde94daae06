/** Where a run is. */
export interface Progress {
  /** Counted from 0. */
  epoch: number;
  /** Steps made since the start of the run. */
  step: number;
  /** Steps of the whole run, as it will be where nothing stops it. */
  totalSteps: number;
}

/** The factor by which learning rates are multiplied at a point of the run. */
export type Schedule = (progress: Progress) => number;

/** The same learning rate throughout. */
export const constant: Schedule = () => 1;

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

export interface OneCycleOptions {
  /** Share of the steps in which the rate rises. Default 0.3. */
  rise?: number;
  /** The rate starts at base / startDivisor. Default 25. */
  startDivisor?: number;
  /** And ends at base / startDivisor / endDivisor. Default 1e4. */
  endDivisor?: number;
}

/** One rise to the base rate and one fall over all steps that the run makes, each half a cosine, as PyTorch's OneCycleLR (Smith and Topin 2018). */
export function oneCycle({ rise = 0.3, startDivisor = 25, endDivisor = 1e4 }: OneCycleOptions = {}): Schedule {
  const cosine = (from: number, to: number, share: number): number =>
    to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share));
  return ({ step, totalSteps }) => {
    const [top, last] = [rise * totalSteps - 1, totalSteps - 1];
    const at = Math.min(step, last);
    if (at < top) return cosine(1 / startDivisor, 1, at / top);
    return cosine(1, 1 / startDivisor / endDivisor, (at - top) / (last - top));
  };
}
