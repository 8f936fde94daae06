import { axis, ink, note, type Axis } from './theme.js';

/**
 * The axes of a distribution on [0, 1] that is part mass, part density: a narrow panel left for P(mask = 0), the density
 * in the middle, a narrow panel right for P(mask = 1). A density and a probability have different units, so they
 * cannot share an axis honestly.
 *
 * Traces go to `x`/`y` (mass at 0), `x2`/`y2` (density) and `x3`/`y` (mass at 1).
 */
export function massPanels(): Record<string, unknown> {
  const category: Axis = {
    type: 'category',
    showticklabels: false,
    ticks: '',
    fixedrange: true,
    showgrid: false,
    showline: true,
    linecolor: ink,
  };
  return {
    xaxis: { ...category, domain: [0, 0.14] },
    yaxis: axis('probability of exactly 0 or 1', '0 to 1', { range: [0, 1] }),
    xaxis2: axis('mask value', '0 closed, 1 open', { domain: [0.26, 0.82], anchor: 'y2', range: [0, 1] }),
    yaxis2: axis('density in between', 'per unit of mask', { anchor: 'x2', rangemode: 'tozero' }),
    annotations: [
      note('exactly 0', 0.07, 1.02, { yanchor: 'bottom' }),
      note('in between', 0.54, 1.02, { yanchor: 'bottom' }),
      note('exactly 1', 0.93, 1.02, { yanchor: 'bottom' }),
    ],
    xaxis3: { ...category, domain: [0.86, 1], anchor: 'y' },
  };
}
