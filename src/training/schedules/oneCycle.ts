import type { Schedule } from './schedule.js';

export interface OneCycleOptions {
  /** Steps of the whole run. */
  totalSteps: number;
  /** Share of the steps in which the rate rises. Default 0.3. */
  rise?: number;
  /** The rate starts at base / startDivisor. Default 25. */
  startDivisor?: number;
  /** And ends at base / startDivisor / endDivisor. Default 1e4. */
  endDivisor?: number;
}

/** One rise to the base rate and one fall, each half a cosine, as PyTorch's OneCycleLR (Smith and Topin 2018). */
export function oneCycle({ totalSteps, rise = 0.3, startDivisor = 25, endDivisor = 1e4 }: OneCycleOptions): Schedule {
  const top = rise * totalSteps - 1;
  const last = totalSteps - 1;
  const cosine = (from: number, to: number, share: number): number =>
    to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share));
  return ({ step }) => {
    const at = Math.min(step, last);
    if (at < top) return cosine(1 / startDivisor, 1, at / top);
    return cosine(1, 1 / startDivisor / endDivisor, (at - top) / (last - top));
  };
}
