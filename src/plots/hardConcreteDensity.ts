import { density, pointMasses } from '../layers/hardConcreteCurves.js';
import type { Figure } from './figure.js';
import { grid, hardConcreteFamily, type HardConcreteOptions } from './hardConcreteFamily.js';
import { massPanels } from './massPanels.js';
import { figure } from './theme.js';
import { list, percent } from './words.js';

/**
 * The distribution of a gate's mask: its density between 0 and 1, and the probabilities of exactly 0 and exactly 1 that
 * stretching and clipping pile up at the ends (Louizos et al. 2018, section 2.2, figure 2).
 */
export function hardConcreteDensity(options: HardConcreteOptions = {}): Figure {
  const xs = grid(0, 1, 200);
  const curves = hardConcreteFamily(options).map((curve) => ({
    ...curve,
    mass: pointMasses(curve.logAlpha, curve.shape),
  }));
  const data = curves.flatMap(({ name, line, logAlpha, shape, mass }) => {
    const shared = { name, legendgroup: name };
    const bar = {
      ...shared,
      type: 'bar',
      x: [name],
      showlegend: false,
      marker: { color: line.color },
      hovertemplate: '%{y:.3f}',
    };
    return [
      { ...bar, y: [mass.zero], xaxis: 'x', yaxis: 'y' },
      {
        ...shared,
        type: 'scatter',
        mode: 'lines',
        x: xs,
        y: xs.map((x) => density(x, logAlpha, shape)),
        line,
        xaxis: 'x2',
        yaxis: 'y2',
      },
      { ...bar, y: [mass.one], xaxis: 'x3', yaxis: 'y' },
    ];
  });
  const said = curves.map(
    ({ name, mass }) => `${name}: ${percent(mass.zero)} exactly 0, ${percent(mass.one)} exactly 1`,
  );
  return figure({
    title: 'The hard concrete distribution',
    alt: `Density of the mask between 0 and 1, with the probabilities of its two ends beside it. ${list(said)}.`,
    data,
    layout: { ...massPanels(), bargap: 0.1 },
    legendBelow: true,
    height: 420,
  });
}
