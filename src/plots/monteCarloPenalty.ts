import { uniform } from '../backend/random.js';
import { defaultHardConcrete } from '../layers/hardConcrete.js';
import { mask, openProbability } from '../layers/hardConcreteCurves.js';
import type { Figure } from './figure.js';
import { grid } from './hardConcreteFamily.js';
import { axis, colour, figure } from './theme.js';
import { number } from './words.js';

/** What `monteCarloPenalty` draws. */
export interface MonteCarloOptions {
  /** Location, a pure number; default 0. */
  logAlpha?: number;
  /** How many masks are drawn; default 10,000. */
  samples?: number;
  /** Seed of the uniform noise; default 1. */
  seed?: number;
}

/** A Monte-Carlo estimate, how sure it is of itself, and what it estimates. */
export interface OpenEstimate {
  /** The share of masks that are not 0. */
  estimate: number;
  /** Its standard error, sqrt(p (1 - p) / n). */
  error: number;
  /** P(mask != 0) in closed form. */
  exact: number;
  /** How many standard errors lie between them. */
  distance: number;
}

function opened({ logAlpha = 0, samples = 10_000, seed = 1 }: MonteCarloOptions): boolean[] {
  const { epsilon } = defaultHardConcrete;
  return Array.from({ length: samples }, (_, i) => mask(Math.max(uniform(seed, i), epsilon), logAlpha) !== 0);
}

/** Compares the share of sampled masks that are not 0 with sigmoid(log alpha - beta ln(-gamma / zeta)), the closed form. */
export function estimateOpen(options: MonteCarloOptions = {}): OpenEstimate {
  const draws = opened(options);
  const estimate = draws.filter(Boolean).length / draws.length;
  const exact = openProbability(options.logAlpha ?? 0);
  const error = Math.sqrt((exact * (1 - exact)) / draws.length);
  return { estimate, error, exact, distance: Math.abs(estimate - exact) / error };
}

/**
 * The penalty of one gate estimated by tossing it n times, n growing, against the closed form with a band of two standard
 * errors, in which the estimate should lie 95 times out of 100 (Louizos et al. 2018, equation 12).
 */
export function monteCarloPenalty(options: MonteCarloOptions = {}): Figure {
  const draws = opened(options);
  const { estimate, error, exact, distance } = estimateOpen(options);
  const counts = [...new Set(grid(1, Math.log10(draws.length), 80).map((e) => Math.round(10 ** e)))];
  let [open, made] = [0, 0];
  const shares = counts.map((count) => {
    while (made < count) if (draws[made++]) open++;
    return open / count;
  });
  const spread = counts.map((count) => 2 * Math.sqrt((exact * (1 - exact)) / count));
  const line = { type: 'scatter', mode: 'lines', x: counts };
  const edge = { ...line, line: { width: 0 }, hoverinfo: 'skip' };
  return figure({
    title: `Sampling meets the closed form, log α = ${number(options.logAlpha ?? 0)}`,
    alt:
      `The share of open gates among ${number(draws.length)} samples is ${estimate.toFixed(4)}, give or take ` +
      `${error.toFixed(4)}; the closed form is ${exact.toFixed(4)}, ${distance.toFixed(1)} standard errors away.`,
    data: [
      { ...edge, y: spread.map((s) => Math.min(1, exact + s)), showlegend: false },
      {
        ...edge,
        name: 'two standard errors',
        y: spread.map((s) => Math.max(0, exact - s)),
        fill: 'tonexty',
        fillcolor: 'rgba(213, 94, 0, 0.18)',
      },
      { ...line, name: 'closed form', y: counts.map(() => exact), line: { color: colour(1), width: 2 } },
      { ...line, name: 'share of samples', y: shares, line: { color: colour(0), width: 2 } },
    ],
    layout: {
      xaxis: axis('samples', 'count, logarithmic', { type: 'log', dtick: 1 }),
      yaxis: axis('P(mask ≠ 0)', '0 to 1'),
    },
  });
}
