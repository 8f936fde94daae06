import { uniform } from '../backend/random.js';
import { defaultHardConcrete } from '../layers/hardConcrete.js';
import { density, mask, pointMasses } from '../layers/hardConcreteCurves.js';
import type { Figure } from './figure.js';
import { grid } from './hardConcreteFamily.js';
import { massPanels } from './massPanels.js';
import { colour, figure } from './theme.js';
import { number, percent } from './words.js';

/** What `hardConcreteSamples` draws. */
export interface HardConcreteSamplesOptions {
  /** Location, a pure number; default 0. */
  logAlpha?: number;
  /** Temperature beta, a pure number above 0; default 2/3. */
  temperature?: number;
  /** How many masks are drawn; default 10,000. */
  samples?: number;
  /** Seed of the uniform noise; default 1. */
  seed?: number;
  /** Bars between 0 and 1; default 40. */
  bins?: number;
}

/** A histogram of seeded samples of the mask against the closed form: the samples are right if bars and line agree. */
export function hardConcreteSamples(options: HardConcreteSamplesOptions = {}): Figure {
  const {
    logAlpha = 0,
    temperature = defaultHardConcrete.temperature,
    samples = 10_000,
    seed = 1,
    bins = 40,
  } = options;
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
  const drawn = {
    name: `${number(samples)} samples`,
    legendgroup: 'samples',
    type: 'bar',
    marker: { color: colour(5) },
  };
  const form = { name: 'closed form', legendgroup: 'form', type: 'scatter' };
  const dot = {
    ...form,
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
    {
      ...form,
      mode: 'lines',
      x: xs,
      y: xs.map((x) => density(x, logAlpha, shape)),
      line: { color: colour(1), width: 2 },
      xaxis: 'x2',
      yaxis: 'y2',
    },
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
