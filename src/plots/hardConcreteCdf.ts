import { cdf, pointMasses } from '../layers/hardConcreteCurves.js';
import type { Figure } from './figure.js';
import { grid, hardConcreteFamily, type HardConcreteOptions } from './hardConcreteFamily.js';
import { axis, figure } from './theme.js';
import { list, percent } from './words.js';

/**
 * P(mask <= x) of the clipped variable: it jumps at 0 by P(mask = 0), climbs smoothly, and jumps at 1 by P(mask = 1)
 * (Louizos et al. 2018, section 2.2, equation 12).
 */
export function hardConcreteCdf(options: HardConcreteOptions = {}): Figure {
  const inside = grid(0, 1, 200);
  const curves = hardConcreteFamily(options);
  const data = curves.map(({ name, line, logAlpha, shape }) => ({
    type: 'scatter',
    mode: 'lines',
    name,
    line,
    x: [-0.15, 0, ...inside, 1, 1.15],
    y: [0, 0, ...inside.map((x) => cdf(x, logAlpha, shape)), 1, 1],
  }));
  const said = curves.map(({ name, logAlpha, shape }) => {
    const { zero, one } = pointMasses(logAlpha, shape);
    return `for ${name} it jumps by ${percent(zero)} at 0 and by ${percent(one)} at 1`;
  });
  return figure({
    title: 'Cumulative distribution of a mask',
    alt: `Cumulative distribution of the hard concrete mask: ${list(said)}.`,
    data,
    layout: {
      xaxis: axis('mask value x', '0 closed, 1 open', { range: [-0.15, 1.15] }),
      yaxis: axis('probability of a mask up to x', '0 to 1', { range: [0, 1.02] }),
    },
  });
}
