import type { Figure } from './figure.js';
import { axis, colour, dash, epochAxis, figure } from './theme.js';
import { list, percent } from './words.js';

/** A share, between 0 and 1, after each of some epochs, counted from 1. */
export interface EpochCurve {
  name: string;
  epochs: readonly number[];
  shares: readonly number[];
}

export interface EpochCurveOptions {
  title?: string;
  /** What the shares are. Default 'validation accuracy'. */
  quantity?: string;
  /** What they are percent of. Default 'images'. */
  of?: string;
}

/** Several runs side by side: a share after each epoch, such as their accuracy or their zero weights. */
export function curvesOverEpochs(curves: readonly EpochCurve[], options: EpochCurveOptions = {}): Figure {
  const { quantity = 'validation accuracy', of = 'images' } = options;
  const begun = curves.filter(({ shares }) => shares.length > 0);
  const said = begun.map(({ name, shares }) => `${name} from ${percent(shares[0])} to ${percent(shares.at(-1)!)}`);
  const epochs = [...new Set(curves.flatMap((curve) => curve.epochs))].sort((a, b) => a - b);
  const what = quantity[0].toUpperCase() + quantity.slice(1);
  return figure({
    title: options.title ?? `${what} over the epochs`,
    alt: said.length > 0 ? `${what} by epoch: ${list(said)}.` : 'An empty plot: no epoch is over yet.',
    data: curves.map(({ name, epochs, shares }, n) => ({
      type: 'scatter',
      mode: 'lines+markers',
      name,
      // A point at nowhere keeps the place of a curve that has not begun.
      x: epochs.length > 0 ? [...epochs] : [null],
      y: shares.length > 0 ? shares.map((share) => 100 * share) : [null],
      line: { color: colour(n), dash: dash(n), width: 2 },
      hovertemplate: '%{y:.2f} %',
    })),
    layout: { xaxis: epochAxis(epochs), yaxis: axis(quantity, `% of ${of}`, { rangemode: 'tozero' }) },
  });
}
