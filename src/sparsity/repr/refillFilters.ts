import type { Random } from '../../backend/random.js';
import { nullSpace } from './nullSpace.js';

/** How a null-space vector is brought within the bounds of start values: entry by entry, or by one factor. */
export type ReprScaling = 'clip' | 'rescale';

export interface Refill {
  /** One new row for each dropped filter. */
  rows: Float64Array[];
  /** How many of them, the first ones, come from the null space. */
  fromNullSpace: number;
}

/**
 * Brings a vector within +-limit. Clipping, as the RePr project does, takes some of its orthogonality; rescaling takes
 * none.
 */
export function withinLimit(vector: Float64Array, limit: number, scaling: ReprScaling): Float64Array {
  if (scaling === 'clip') return vector.map((value) => Math.min(limit, Math.max(-limit, value)));
  const most = vector.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return vector.map((value) => (value * limit) / most);
}

/**
 * New values for filters that were dropped (Prakash et al. 2019, section 4.3): vectors orthogonal both to what they were
 * and to the filters that stayed, within +-1 / sqrt(fan-in); where there are too few, uniform draws within the same bounds.
 */
export function refillFilters(
  dropped: readonly Float64Array[],
  kept: readonly Float64Array[],
  { scaling, random }: { scaling: ReprScaling; random: Pick<Random, 'next'> },
): Refill {
  const fanIn = dropped[0].length;
  const limit = 1 / Math.sqrt(fanIn);
  const { basis } = nullSpace([...dropped, ...kept], fanIn, { atMost: dropped.length });
  const rows = dropped.map((_, i) =>
    i < basis.length
      ? withinLimit(basis[i], limit, scaling)
      : Float64Array.from({ length: fanIn }, () => limit * (2 * random.next() - 1)),
  );
  return { rows, fromNullSpace: basis.length };
}
