import { asText, axis, colour, curve, dash, figure, list, number, palette, type Figure } from './theme.js';

/** The curve of one of several runs. */
export interface RunCurve {
  name: string;
  x: readonly (number | null)[];
  y: readonly (number | null)[];
  /** The index of its colour and line style among all runs, the same in every figure. */
  style: number;
}

/** The n-th style of a run: the colours of the palette, first with solid lines, then with other line styles. */
export const runStyle = (n: number): { color: string; dash: string } => ({
  color: colour(n),
  dash: dash(Math.floor(n / palette.length)),
});

export interface RunCurvesOptions {
  title: string;
  /** The quantity on the y axis, and its unit. */
  quantity: string;
  unit: string;
  /** How a value is shown: a format of plotly (d3). Default '.4~g'. */
  format?: string;
}

/** A quantity of several runs over their epochs, one curve per run; the page draws the legend. */
export function runCurves(
  curves: readonly RunCurve[],
  { title, quantity, unit, format = '.4~g' }: RunCurvesOptions,
): Figure {
  const said = curves.flatMap(({ name, y }) => {
    const last = y.findLast((value) => value !== null);
    return typeof last === 'number' ? [`${name} at ${number(last)}`] : [];
  });
  return figure({
    title,
    alt: said.length > 0 ? `${title}, ${unit}: ${list(said)}.` : 'An empty plot: nothing is logged yet.',
    data: curves.map(({ name, x, y, style }) =>
      curve(asText(name), x, y, runStyle(style), {
        mode: x.length < 2 ? 'lines+markers' : 'lines',
        showlegend: false,
        hovertemplate: `%{y:${format}}`,
      }),
    ),
    layout: {
      xaxis: axis('training', 'epochs', {
        rangemode: 'tozero',
        hoverformat: '.3~g',
        unifiedhovertitle: { text: 'epoch %{x}' },
      }),
      yaxis: axis(quantity, unit),
      margin: { l: 56, r: 12, t: 36, b: 44 },
      // Shows all runs at the pointer's epoch, to compare them.
      hovermode: 'x unified',
      // The user's zoom is kept while the curves grow.
      uirevision: 'runs',
    },
    height: 260,
  });
}

/**
 * Smooths a noisy curve by running means in which each point counts `weight` times as much as the point after it, from
 * 0 (no smoothing) to nearly 1. `null` values stay `null`.
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  let mean = 0;
  let counted = 0;
  return values.map((value) => {
    if (value === null) return null;
    counted = weight * counted + 1;
    // Adds the difference, so that a constant curve stays exactly constant: plotly fails over a range of 1e-13.
    mean += (value - mean) / counted;
    return mean;
  });
}
