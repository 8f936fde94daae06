import { defaultHardConcrete } from '../layers/hardConcrete.js';
import { openProbability, testMask } from '../layers/hardConcreteCurves.js';
import type { Figure } from './figure.js';
import { grid } from './hardConcreteFamily.js';
import { axis, colour, figure, ink, verticalMark } from './theme.js';
import { number, percent } from './words.js';

/**
 * What one gate pays: P(mask != 0) against log alpha for each temperature, and the mask that is used after training. Two
 * marks show where that mask reaches 0, log alpha = ln(-gamma / zeta) = -2.3979, and 1, ln((1 - gamma) / (zeta - 1)) = 2.3979
 * (Louizos et al. 2018, equations 12 and 13).
 */
export function penaltyCurve(options: { temperatures?: readonly number[] } = {}): Figure {
  const { temperatures = [defaultHardConcrete.temperature] } = options;
  const { gamma, zeta } = defaultHardConcrete;
  const closed = Math.log(-gamma / zeta);
  const open = Math.log((1 - gamma) / (zeta - 1));
  const xs = grid(-6, 6, 240);
  const marks = [
    verticalMark(closed, `closed up to ${closed.toFixed(4).replace('-', '−')}`),
    verticalMark(open, `open from ${open.toFixed(4)}`),
  ];
  const penalties = temperatures.map((temperature, t) => ({
    type: 'scatter',
    mode: 'lines',
    name: `P(mask > 0), β = ${number(temperature)}`,
    x: xs,
    y: xs.map((x) => openProbability(x, { ...defaultHardConcrete, temperature })),
    line: { color: colour(t), width: 2 },
  }));
  const atClosed = openProbability(closed, { ...defaultHardConcrete, temperature: temperatures[0] });
  return figure({
    title: 'What an open gate costs',
    alt:
      `The probability that a mask is not 0 climbs from 0 to 1 with log alpha. The mask used after training is 0 below ` +
      `${number(closed)} and 1 above ${number(open)}; at the lower mark the penalty still is ${percent(atClosed)} of an open gate's.`,
    data: [
      ...penalties,
      {
        type: 'scatter',
        mode: 'lines',
        name: 'mask after training',
        x: xs,
        y: xs.map((x) => testMask(x)),
        line: { color: ink, width: 2, dash: 'dash' },
      },
    ],
    layout: {
      xaxis: axis('log α', 'natural logarithm', { range: [-6, 6] }),
      yaxis: axis('probability, mask', '0 to 1', { range: [-0.02, 1.02] }),
      shapes: marks.map((mark) => mark.shape),
      annotations: marks.map((mark) => mark.annotation),
    },
  });
}
