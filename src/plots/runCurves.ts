import { asText, axis, colour, curve, dash, figure, list, number, palette, type Figure } from './theme.js';

/** A curve of a run among others. */
export interface RunCurve {
  name: string;
  x: readonly (number | null)[];
  y: readonly (number | null)[];
  /** Which colour and line style it has: the n-th of all, the same in every figure. */
  style: number;
}

/** The n-th way of drawing a run: the colours of the palette, solid at first, then in other line styles. */
export const runStyle = (n: number): { color: string; dash: string } => ({
  color: colour(n),
  dash: dash(Math.floor(n / palette.length)),
});

export interface RunCurvesOptions {
  title: string;
  /** What the y axis shows, and in what. */
  quantity: string;
  unit: string;
  /** How a value is told: a format of plotly (d3). Default '.4~g'. */
  format?: string;
}

/** A quantity of several runs over their epochs, one curve a run; the legend is left to the page. */
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
      // All runs at a place, to compare them.
      hovermode: 'x unified',
      // What a person zoomed in on stays as the curves grow.
      uirevision: 'runs',
    },
    height: 260,
  });
}

/**
 * A noisy curve made smooth: running means in which each earlier point counts `weight` times as much as the one after
 * it, from 0, none at all, to nearly 1. What is `null` stays so.
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  let mean = 0;
  let counted = 0;
  return values.map((value) => {
    if (value === null) return null;
    counted = weight * counted + 1;
    // By the difference, so that a level curve stays level to the last bit: plotly fails over a range of 1e-13.
    mean += (value - mean) / counted;
    return mean;
  });
}
