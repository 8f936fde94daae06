import {
  asText,
  axis,
  colour,
  curve,
  dash,
  figure,
  inLines,
  ink,
  kernelLabel,
  layerAxis,
  layerLabels,
  list,
  number,
  percent,
} from './theme.js';
import type { Figure, Titled } from './theme.js';
import type { LayerWidth } from '../compact/shrink/compact.js';
import type { LayerGradient } from '../training/layerGradients.js';

/** The architecture that a method found: each layer's width, with the full network's width behind it. */
export function widthsPerLayer(widths: readonly Omit<LayerWidth, 'because'>[], options: Titled = {}): Figure {
  const layers = widths.map(({ layer }) => inLines(asText(layer), 30));
  const sum = (of: 'before' | 'after') => widths.reduce((total, width) => total + width[of], 0);
  const bar = { type: 'bar', x: layers, hovertemplate: '%{y} channels' };
  return figure({
    title: options.title ?? 'Width of each layer',
    alt:
      `Channels of ${layers.length} layers before and after: ${sum('after')} of ${sum('before')} are left ` +
      `(${percent(sum('after') / sum('before'))}).`,
    data: [
      { ...bar, name: 'before', y: widths.map(({ before }) => before), marker: { color: ink } },
      { ...bar, name: 'after', y: widths.map(({ after }) => after), marker: { color: colour(0) }, width: 0.5 },
    ],
    layout: {
      barmode: 'overlay',
      xaxis: layerAxis({ tickangle: layers.length > 8 ? -60 : 'auto' }),
      yaxis: axis('width', 'channels'),
    },
    height: 420,
  });
}

/** A share for each kernel, between 0 and 1, by name: of entries that are 0, or that have some other property. */
export interface NamedShares {
  name: string;
  shares: ReadonlyMap<string, number>;
}

/** Shows which layers lost most: for each kernel the share of its entries that are 0, several networks side by side. */
export function zerosPerLayer(networks: readonly NamedShares[], options: Titled & { quantity?: string } = {}): Figure {
  const label = layerLabels(
    networks.flatMap(({ shares }) => [...shares.keys()]),
    kernelLabel,
  );
  const said = networks.map(({ name, shares }) => {
    const [kernel, most] = [...shares].reduce((top, each) => (each[1] > top[1] ? each : top), ['none', 0]);
    return `${name}, most in ${kernelLabel(kernel)} with ${percent(most)}`;
  });
  return figure({
    title: options.title ?? 'Zeros by layer',
    alt: `Shares by layer: ${list(said)}.`,
    data: networks.map(({ name, shares }, n) => ({
      type: 'bar',
      name,
      x: [...shares.keys()].map(label),
      y: [...shares.values()].map((share) => 100 * share),
      marker: { color: colour(n) },
      hovertemplate: '%{x}: %{y:.1f} %',
    })),
    layout: {
      barmode: 'group',
      xaxis: layerAxis({ tickangle: -60 }),
      yaxis: axis(options.quantity ?? 'zeros', '% of the weights of the layer', { range: [0, 100] }),
    },
    height: 440,
  });
}

/** The gradients of one loss. */
export interface NamedGradients {
  name: string;
  gradients: readonly LayerGradient[];
}

/**
 * Shows how strongly several losses reach each kernel: the norms of their gradients, on a logarithmic scale, from input
 * to output.
 */
export function gradientsPerLayer(losses: readonly NamedGradients[], options: Titled = {}): Figure {
  const label = layerLabels(
    losses.flatMap(({ gradients }) => gradients.map(({ kernel }) => kernel)),
    kernelLabel,
  );
  const said = losses.map(
    ({ name, gradients }) =>
      `${name} from ${number(gradients.at(0)?.norm ?? 0)} at the input to ${number(gradients.at(-1)?.norm ?? 0)} at the output`,
  );
  return figure({
    title: options.title ?? 'What reaches each layer',
    alt: `Norms of the gradient by layer: ${list(said)}.`,
    data: losses.map(({ name, gradients }, n) => {
      const kernels = gradients.map(({ kernel }) => label(kernel));
      // A logarithmic axis cannot show 0.
      const norms = gradients.map(({ norm }) => (norm > 0 ? norm : null));
      const style = { color: colour(n), dash: dash(n) };
      return curve(name, kernels, norms, style, { mode: 'lines+markers', hovertemplate: '%{x}: %{y:.2e}' });
    }),
    layout: {
      xaxis: layerAxis({ tickangle: -60 }),
      yaxis: axis('norm of the gradient', 'nats', { type: 'log', dtick: 1, exponentformat: 'power' }),
    },
    height: 440,
  });
}
