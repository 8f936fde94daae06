import { defaultHardConcrete } from '../layers/hardConcrete.js';
import { mask, openProbability, quantile, testMask } from '../layers/hardConcreteCurves.js';
import { axis, colour, curve, figure, type Figure, grid, ink, list, number, percent, verticalMark } from './theme.js';
import { uniform } from '../backend/random.js';

/** Options of `bernoulliToConcrete`. */
export interface BernoulliToConcreteOptions {
  /** Location, a pure number: the coin is open with probability sigmoid(logAlpha). Default 0. */
  logAlpha?: number;
  /** Temperatures beta, pure numbers above 0; default 0.1, 1/3, 2/3 and 1. */
  temperatures?: readonly number[];
}

/**
 * A gate as a function of its uniform noise u: the Bernoulli gate is a step, which has no gradient; the concrete
 * relaxation sigmoid((ln u - ln(1 - u) + log alpha) / beta) is smooth and tends to the step as beta goes to 0
 * (Maddison et al. 2017; Louizos et al. 2018, equation 10).
 */
export function bernoulliToConcrete(options: BernoulliToConcreteOptions = {}): Figure {
  const { logAlpha = 0, temperatures = [0.1, 1 / 3, 2 / 3, 1] } = options;
  const step = 1 / (1 + Math.exp(logAlpha));
  const us = grid(0.001, 0.999, 400);
  const smooth = temperatures.map((temperature, t) => {
    const shape = { ...defaultHardConcrete, temperature, gamma: 0, zeta: 1 };
    const gates = us.map((u) => quantile(u, logAlpha, shape));
    return curve(`concrete, β = ${number(temperature)}`, us, gates, { color: colour(t) });
  });
  const coin = curve('Bernoulli (a step)', [0, step, step, 1], [0, 0, 1, 1], { color: ink, width: 3 });
  return figure({
    title: `From a coin toss to a smooth gate, log α = ${number(logAlpha)}`,
    alt:
      `The Bernoulli gate jumps from 0 to 1 where the noise passes ${number(step)}; the concrete gates climb smoothly ` +
      `through the same point, the steeper the lower the temperature (${list(temperatures.map(number))}).`,
    data: [coin, ...smooth],
    layout: {
      xaxis: axis('uniform noise u', '0 to 1', { range: [0, 1] }),
      yaxis: axis('gate', '0 closed, 1 open', { range: [-0.03, 1.03] }),
    },
  });
}

/**
 * The penalty of one gate: P(mask != 0) against log alpha, and the mask that is used after training. Two marks show
 * where that mask reaches 0, log alpha = ln(-gamma / zeta) = -2.3979, and 1, ln((1 - gamma) / (zeta - 1)) = 2.3979
 * (Louizos et al. 2018, equations 12 and 13).
 */
export function penaltyCurve(): Figure {
  const { gamma, zeta, temperature } = defaultHardConcrete;
  const closed = Math.log(-gamma / zeta);
  const opened = Math.log((1 - gamma) / (zeta - 1));
  const xs = grid(-6, 6, 240);
  const marks = [
    verticalMark(closed, `closed up to ${closed.toFixed(4).replace('-', '−')}`),
    verticalMark(opened, `open from ${opened.toFixed(4)}`),
  ];
  const paid = xs.map((x) => openProbability(x));
  const testMasks = xs.map((x) => testMask(x));
  return figure({
    title: 'What an open gate costs',
    alt:
      `The probability that a mask is not 0 climbs from 0 to 1 with log alpha. The mask used after training is 0 below ` +
      `${number(closed)} and 1 above ${number(opened)}; at the lower mark the penalty still is ${percent(openProbability(closed))} of an open gate's.`,
    data: [
      curve(`P(mask > 0), β = ${number(temperature)}`, xs, paid, { color: colour(0) }),
      curve('mask after training', xs, testMasks, { color: ink, dash: 'dash' }),
    ],
    layout: {
      xaxis: axis('log α', 'natural logarithm', { range: [-6, 6] }),
      yaxis: axis('probability, mask', '0 to 1', { range: [-0.02, 1.02] }),
      shapes: marks.map((mark) => mark.shape),
      annotations: marks.map((mark) => mark.annotation),
    },
  });
}

/** Which masks are drawn. */
export interface MonteCarloOptions {
  /** Location, a pure number; default 0. */
  logAlpha?: number;
  /** The number of masks drawn; default 10,000. */
  samples?: number;
  /** Seed of the uniform noise; default 1. */
  seed?: number;
}

/** A Monte-Carlo estimate, its standard error, and the exact value. */
export interface OpenEstimate {
  /** The share of masks that are not 0. */
  estimate: number;
  /** Its standard error, sqrt(p (1 - p) / n). */
  error: number;
  /** P(mask != 0) in closed form. */
  exact: number;
  /** The difference between estimate and exact value, in standard errors. */
  distance: number;
}

/**
 * Compares the share of sampled masks that are not 0 with sigmoid(log alpha - beta ln(-gamma / zeta)), the closed form.
 */
export function estimateOpen({ logAlpha = 0, samples = 10_000, seed = 1 }: MonteCarloOptions = {}): OpenEstimate {
  const { epsilon } = defaultHardConcrete;
  const masks = Array.from({ length: samples }, (_, i) => mask(Math.max(uniform(seed, i), epsilon), logAlpha));
  const estimate = masks.filter((z) => z !== 0).length / samples;
  const exact = openProbability(logAlpha);
  const error = Math.sqrt((exact * (1 - exact)) / samples);
  return { estimate, error, exact, distance: Math.abs(estimate - exact) / error };
}
