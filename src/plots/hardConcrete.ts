import { defaultHardConcrete } from '../layers/hardConcrete.js';
import { axis, colour, curve, dash, figure, grid, ink, list, note, number, percent } from './theme.js';
import type { Axis, Figure, Trace } from './theme.js';
import { density, mask, pointMasses } from '../layers/hardConcreteCurves.js';
import { uniform } from '../backend/random.js';
import type { MonteCarloOptions } from './gateCurves.js';

/** The hard concrete distributions that a figure draws: every log alpha with every temperature. */
export interface HardConcreteOptions {
  /** Locations, pure numbers; default -2, 0, 2. */
  logAlphas?: readonly number[];
  /** Temperatures beta, pure numbers above 0; default 2/3. */
  temperatures?: readonly number[];
}

/**
 * The axes of a distribution on [0, 1] that is part mass, part density: a narrow panel on the left for P(mask = 0), the
 * density in the middle, a narrow panel on the right for P(mask = 1). A density and a probability have different units,
 * so they must not share an axis.
 *
 * Traces go to `x`/`y` (mass at 0), `x2`/`y2` (density) and `x3`/`y` (mass at 1).
 */
function massPanels(): Record<string, unknown> {
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

/**
 * The distribution of a gate's mask: its density between 0 and 1, and the probabilities of exactly 0 and exactly 1 that
 * result from stretching and clipping (Louizos et al. 2018, section 2.2, figure 2).
 */
export function hardConcreteDensity(options: HardConcreteOptions = {}): Figure {
  const { logAlphas = [-2, 0, 2], temperatures = [defaultHardConcrete.temperature] } = options;
  const xs = grid(0, 1, 200);
  // With several log alphas, colours distinguish them and line styles the temperatures; otherwise colours distinguish
  // the temperatures.
  const curves = logAlphas.flatMap((logAlpha, a) =>
    temperatures.map((temperature, t) => {
      const shape = { ...defaultHardConcrete, temperature };
      const style = logAlphas.length > 1 ? { color: colour(a), dash: dash(t) } : { color: colour(t), dash: 'solid' };
      const name = `log α = ${number(logAlpha)}, β = ${number(temperature)}`;
      return { name, style, mass: pointMasses(logAlpha, shape), heights: xs.map((x) => density(x, logAlpha, shape)) };
    }),
  );
  const data = curves.flatMap(({ name, style, mass, heights }) => {
    const marker = { color: style.color };
    const shared = { name, legendgroup: name, showlegend: false };
    const bar = { ...shared, type: 'bar', x: [name], marker, hovertemplate: '%{y:.3f}' };
    return [
      { ...bar, y: [mass.zero], xaxis: 'x', yaxis: 'y' },
      curve(name, xs, heights, style, { legendgroup: name, xaxis: 'x2', yaxis: 'y2' }),
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

/**
 * The distribution of a mask with two independent sliders, for log alpha and the temperature. Each temperature has its
 * own curves, and only those of one temperature are shown; the slider of log alpha moves all of them, shown or not. A
 * static image without sliders shows the middle: log alpha = 0 at beta = 2/3.
 */
export function hardConcreteSlider(): Figure {
  const logAlphas = [-4, -3, -2, -1, 0, 1, 2, 3, 4];
  const temperatures = [0.2, 1 / 3, defaultHardConcrete.temperature, 1, 1.5];
  const [logAlpha, beta] = [0, defaultHardConcrete.temperature];
  const { zero, one } = pointMasses(logAlpha);
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

/** The heights of three traces: P(mask = 0), the density at each of xs, P(mask = 1). */
function heights(logAlpha: number, temperature: number): number[][] {
  const shape = { ...defaultHardConcrete, temperature };
  const { zero, one } = pointMasses(logAlpha, shape);
  const rounded = (value: number): number => Number(value.toPrecision(4));
  return [[rounded(zero)], xs.map((x) => rounded(density(x, logAlpha, shape))), [rounded(one)]];
}

/** Options of `hardConcreteSamples`. */
export interface HardConcreteSamplesOptions extends MonteCarloOptions {
  /** Temperature beta, a pure number above 0; default 2/3. */
  temperature?: number;
}

/** The number of bars between 0 and 1. */
const bins = 40;

/** A histogram of seeded samples of the mask against the closed form: the samples are right if bars and line agree. */
export function hardConcreteSamples(options: HardConcreteSamplesOptions = {}): Figure {
  const { logAlpha = 0, temperature = defaultHardConcrete.temperature, samples = 10_000, seed = 1 } = options;
  const shape = { ...defaultHardConcrete, temperature };
  const counts = new Array<number>(bins).fill(0);
  const ends = { zero: 0, one: 0 };
  for (let i = 0; i < samples; i++) {
    const value = mask(Math.max(uniform(seed, i), shape.epsilon), logAlpha, shape);
    if (value === 0) ends.zero++;
    else if (value === 1) ends.one++;
    else counts[Math.floor(value * bins)]++;
  }
  const exact = pointMasses(logAlpha, shape);
  const xs = grid(0, 1, 200);
  const heights = xs.map((x) => density(x, logAlpha, shape));
  const drawn = {
    name: `${number(samples)} samples`,
    legendgroup: 'samples',
    type: 'bar',
    marker: { color: colour(5) },
  };
  const dot = {
    name: 'closed form',
    legendgroup: 'form',
    type: 'scatter',
    mode: 'markers',
    marker: { color: colour(1), size: 10, symbol: 'diamond' },
    showlegend: false,
  };
  const data = [
    { ...drawn, x: ['0'], y: [ends.zero / samples], showlegend: false },
    { ...dot, x: ['0'], y: [exact.zero] },
    {
      ...drawn,
      x: counts.map((_, i) => (i + 0.5) / bins),
      y: counts.map((n) => (n * bins) / samples),
      width: 0.96 / bins,
      xaxis: 'x2',
      yaxis: 'y2',
    },
    curve('closed form', xs, heights, { color: colour(1) }, { legendgroup: 'form', xaxis: 'x2', yaxis: 'y2' }),
    { ...drawn, x: ['1'], y: [ends.one / samples], xaxis: 'x3', yaxis: 'y', showlegend: false },
    { ...dot, x: ['1'], y: [exact.one], xaxis: 'x3', yaxis: 'y' },
  ];
  return figure({
    title: `Samples of the mask at log α = ${number(logAlpha)}, β = ${number(temperature)}`,
    alt:
      `Histogram of ${number(samples)} masks against the closed form: ${percent(ends.zero / samples)} are exactly 0 ` +
      `(closed form ${percent(exact.zero)}), ${percent(ends.one / samples)} exactly 1 (${percent(exact.one)}).`,
    data,
    layout: { ...massPanels(), bargap: 0.1 },
    legendBelow: true,
    height: 420,
  });
}
