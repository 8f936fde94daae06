import type { Figure } from './figure.js';
import { kernelLabel } from './masks.js';
import { axis, colour, figure } from './theme.js';
import { list, percent } from './words.js';

/** Share of each kernel, between 0 and 1, by its name: of entries that are 0, or that have some other property. */
export interface NamedShares {
  name: string;
  shares: ReadonlyMap<string, number>;
}

/** Which layers lost most: for each kernel the share of its entries that are 0, several networks side by side. */
export function zerosPerLayer(
  networks: readonly NamedShares[],
  options: { title?: string; quantity?: string } = {},
): Figure {
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
      x: [...shares.keys()].map(kernelLabel),
      y: [...shares.values()].map((share) => 100 * share),
      marker: { color: colour(n) },
      hovertemplate: '%{x}: %{y:.1f} %',
    })),
    layout: {
      barmode: 'group',
      xaxis: axis('layer', 'from input to output', { tickangle: -60, tickfont: { size: 11 } }),
      yaxis: axis(options.quantity ?? 'zeros', '% of the weights of the layer', { range: [0, 100] }),
    },
    height: 440,
  });
}
