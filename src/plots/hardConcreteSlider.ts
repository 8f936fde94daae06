import { defaultHardConcrete } from '../layers/hardConcrete.js';
import { density, pointMasses } from '../layers/hardConcreteCurves.js';
import type { Figure, Trace } from './figure.js';
import { grid } from './hardConcreteFamily.js';
import { massPanels } from './massPanels.js';
import { colour, figure, ink } from './theme.js';
import { number, percent } from './words.js';

/** What `hardConcreteSlider` lets a reader move. */
export interface HardConcreteSliderOptions {
  /** Stops of the first slider; default -4 to 4 in steps of 1. */
  logAlphas?: readonly number[];
  /** Stops of the second slider; default 0.2, 1/3, 2/3, 1 and 1.5. */
  temperatures?: readonly number[];
}

/**
 * The distribution of a mask under two sliders, log alpha and the temperature, that combine. Each temperature has curves of
 * its own, of which one is shown; the slider of log alpha moves all of them, shown or not. A picture without sliders shows
 * the middle: log alpha = 0 at beta = 2/3.
 */
export function hardConcreteSlider(options: HardConcreteSliderOptions = {}): Figure {
  const { logAlphas = [-4, -3, -2, -1, 0, 1, 2, 3, 4], temperatures = [0.2, 1 / 3, 2 / 3, 1, 1.5] } = options;
  const logAlpha = nearest(logAlphas, 0);
  const beta = nearest(temperatures, defaultHardConcrete.temperature);
  const { zero, one } = pointMasses(logAlpha, { ...defaultHardConcrete, temperature: beta });
  const slider = (
    name: string,
    stops: readonly number[],
    first: number,
    y: number,
    args: (stop: number) => unknown[],
  ) => ({
    active: stops.indexOf(first),
    currentvalue: { prefix: `${name} = `, font: { color: ink } },
    font: { color: ink },
    pad: { t: 40 },
    len: 0.92,
    x: 0.04,
    y,
    steps: stops.map((stop) => ({ label: number(stop), method: 'restyle', args: args(stop) })),
  });
  return figure({
    title: 'The hard concrete distribution, to be moved',
    alt:
      `The distribution of the mask at log alpha ${number(logAlpha)} and temperature ${number(beta)}: ${percent(zero)} exactly 0, ` +
      `${percent(one)} exactly 1. Two sliders move log alpha and the temperature.`,
    data: temperatures.flatMap((temperature) => traces(logAlpha, temperature, temperature === beta)),
    layout: {
      ...massPanels(),
      margin: { l: 64, r: 24, t: 56, b: 190 },
      showlegend: false,
      barmode: 'overlay',
      sliders: [
        slider('log α', logAlphas, logAlpha, -0.12, (stop) => [
          'y',
          temperatures.flatMap((each) => heights(stop, each)),
        ]),
        slider('β', temperatures, beta, -0.5, (stop) => [
          'visible',
          temperatures.flatMap((each) => Array<boolean>(3).fill(each === stop)),
        ]),
      ],
    },
    height: 520,
  });
}

const xs = grid(0, 1, 120);

function nearest(stops: readonly number[], value: number): number {
  return stops.reduce((best, stop) => (Math.abs(stop - value) < Math.abs(best - value) ? stop : best));
}

function traces(logAlpha: number, temperature: number, visible: boolean): Trace[] {
  const y = heights(logAlpha, temperature);
  const bar = { type: 'bar', marker: { color: colour(0) }, hovertemplate: '%{y:.3f}', width: 0.6, visible };
  const line = { type: 'scatter', mode: 'lines', line: { color: colour(0), width: 2 }, visible };
  return [
    { ...bar, x: ['0'], y: y[0], xaxis: 'x', yaxis: 'y' },
    { ...line, x: xs, y: y[1], xaxis: 'x2', yaxis: 'y2' },
    { ...bar, x: ['1'], y: y[2], xaxis: 'x3', yaxis: 'y' },
  ];
}

/** What three traces show: P(mask = 0), the density at each of xs, P(mask = 1). */
function heights(logAlpha: number, temperature: number): number[][] {
  const shape = { ...defaultHardConcrete, temperature };
  const { zero, one } = pointMasses(logAlpha, shape);
  const rounded = (value: number): number => Number(value.toPrecision(4));
  return [[rounded(zero)], xs.map((x) => rounded(density(x, logAlpha, shape))), [rounded(one)]];
}
