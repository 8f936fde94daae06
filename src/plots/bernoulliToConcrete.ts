import { defaultHardConcrete } from '../layers/hardConcrete.js';
import { quantile } from '../layers/hardConcreteCurves.js';
import type { Figure } from './figure.js';
import { grid } from './hardConcreteFamily.js';
import { axis, colour, figure, ink } from './theme.js';
import { list, number } from './words.js';

/** What `bernoulliToConcrete` draws. */
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
    return {
      type: 'scatter',
      mode: 'lines',
      name: `concrete, β = ${number(temperature)}`,
      x: us,
      y: us.map((u) => quantile(u, logAlpha, shape)),
      line: { color: colour(t), width: 2 },
    };
  });
  const coin = { type: 'scatter', mode: 'lines', name: 'Bernoulli (a step)', x: [0, step, step, 1], y: [0, 0, 1, 1] };
  return figure({
    title: `From a coin toss to a smooth gate, log α = ${number(logAlpha)}`,
    alt:
      `The Bernoulli gate jumps from 0 to 1 where the noise passes ${number(step)}; the concrete gates climb smoothly ` +
      `through the same point, the steeper the lower the temperature (${list(temperatures.map(number))}).`,
    data: [{ ...coin, line: { color: ink, width: 3 } }, ...smooth],
    layout: {
      xaxis: axis('uniform noise u', '0 to 1', { range: [0, 1] }),
      yaxis: axis('gate', '0 closed, 1 open', { range: [-0.03, 1.03] }),
    },
  });
}
