import { axis, colour, curve, figure, type Figure, ink, note, number, type Trace } from './theme.js';

/** The gamma, the penalty and the loss that `proximalStep` draws. */
export interface ProximalStepOptions {
  /** The minimum of the loss, to which the loss alone would take the gamma. Default 0.2. */
  minimum?: number;
  /** Default 0.5. */
  l1_penalty?: number;
  /** Default 0.1. */
  learning_rate?: number;
  /** Default 60. */
  steps?: number;
}

/** The proximal operator of threshold * |x| on numbers; never -0, which JSON cannot represent. */
const softThreshold = (x: number, threshold: number): number =>
  Math.sign(x) * Math.max(0, Math.abs(x) - threshold) || 0;

/** The path of a gamma that starts at 1, under the loss (gamma - minimum)^2 / 2, by three rules. */
export function gammaPaths(
  options: ProximalStepOptions = {},
): Record<'gradient' | 'subgradient' | 'proximal', number[]> {
  const { minimum = 0.2, l1_penalty = 0.5, learning_rate = 0.1, steps = 60 } = options;
  const path = (next: (gamma: number, slope: number) => number): number[] => {
    const values = [1];
    while (values.length <= steps) values.push(next(values[values.length - 1], values[values.length - 1] - minimum));
    return values;
  };
  return {
    gradient: path((gamma, slope) => gamma - learning_rate * slope),
    subgradient: path((gamma, slope) => gamma - learning_rate * (slope + l1_penalty * Math.sign(gamma))),
    proximal: path((gamma, slope) => softThreshold(gamma - learning_rate * slope, learning_rate * l1_penalty)),
  };
}

/**
 * The proximal step on one gamma: on the left the map gamma -> gamma max(0, 1 - t / |gamma|), on the right its effect
 * step by step under the loss (gamma - minimum)^2 / 2, compared with the loss alone and with the subgradient of loss
 * and penalty, which steps across 0 and back (Beck and Teboulle 2009, section 1).
 */
export function proximalStep(options: ProximalStepOptions = {}): Figure {
  const { l1_penalty = 0.5, learning_rate = 0.1 } = options;
  const paths = gammaPaths(options);
  const inset = 0.3;
  const xs = Array.from({ length: 121 }, (_, i) => (i - 60) / 60);
  const thresholded = xs.map((x) => softThreshold(x, inset));
  const [thin, thick] = [1.5, 2.5];
  const path = (name: string, y: number[], style: { color: string; width: number; dash?: string }): Trace => {
    const steps = y.map((_, step) => step);
    return curve(name, steps, y, style, { xaxis: 'x2', yaxis: 'y2' });
  };
  const zeroFrom = paths.proximal.indexOf(0);
  const end = (values: number[]): string => number(values[values.length - 1]);
  return figure({
    title: 'The proximal step on one gamma',
    alt:
      `Soft thresholding makes 0 of what lies within its threshold and moves the rest towards 0 by it. Step by step, the loss ` +
      `alone takes a gamma from 1 to ${end(paths.gradient)}; with the penalty, the subgradient ends at ` +
      `${end(paths.subgradient)} and proximal steps ${zeroFrom < 0 ? `at ${end(paths.proximal)}` : `are exactly 0 from step ${zeroFrom} on`}.`,
    data: [
      curve('unchanged', xs, xs, { color: ink, width: 1, dash: 'dot' }, { showlegend: false }),
      curve(`threshold ${inset}`, xs, thresholded, { color: colour(0), width: thick }, { showlegend: false }),
      path('loss alone', paths.gradient, { color: ink, width: thin, dash: 'dash' }),
      path('loss and penalty, subgradient', paths.subgradient, { color: colour(1), width: thin }),
      path('loss and penalty, proximal', paths.proximal, { color: colour(0), width: thick }),
    ],
    layout: {
      xaxis: axis('γ before', 'pure number', { domain: [0, 0.36], range: [-1, 1] }),
      yaxis: axis('γ after', 'pure number', { range: [-1, 1] }),
      xaxis2: axis('training', 'steps', { domain: [0.5, 1], anchor: 'y2' }),
      yaxis2: axis('γ', 'pure number', { anchor: 'x2', rangemode: 'tozero' }),
      annotations: [
        note(`threshold ${inset}`, 0.18, 1, { xanchor: 'center', yanchor: 'bottom' }),
        note(`penalty ${number(l1_penalty)}, learning rate ${number(learning_rate)}`, 0.75, 1, {
          xanchor: 'center',
          yanchor: 'bottom',
        }),
      ],
    },
    legendBelow: true,
    height: 420,
  });
}
