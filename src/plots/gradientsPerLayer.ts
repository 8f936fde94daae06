import type { LayerGradient } from '../training/layerGradients.js';
import type { Figure } from './figure.js';
import { kernelLabel } from './masks.js';
import { axis, colour, dash, figure } from './theme.js';
import { list, number } from './words.js';

/** The gradients of one loss. */
export interface NamedGradients {
  name: string;
  gradients: readonly LayerGradient[];
}

/** How much of several losses reaches each kernel: the norms of their gradients, on a logarithmic scale, from input to output. */
export function gradientsPerLayer(losses: readonly NamedGradients[], options: { title?: string } = {}): Figure {
  const said = losses.map(
    ({ name, gradients }) =>
      `${name} from ${number(gradients.at(0)?.norm ?? 0)} at the input to ${number(gradients.at(-1)?.norm ?? 0)} at the output`,
  );
  return figure({
    title: options.title ?? 'What reaches each layer',
    alt: `Norms of the gradient by layer: ${list(said)}.`,
    data: losses.map(({ name, gradients }, n) => ({
      type: 'scatter',
      mode: 'lines+markers',
      name,
      x: gradients.map(({ kernel }) => kernelLabel(kernel)),
      // A logarithm has no place for 0.
      y: gradients.map(({ norm }) => (norm > 0 ? norm : null)),
      line: { color: colour(n), dash: dash(n), width: 2 },
      hovertemplate: '%{x}: %{y:.2e}',
    })),
    layout: {
      xaxis: axis('layer', 'from input to output', { tickangle: -60, tickfont: { size: 11 } }),
      yaxis: axis('norm of the gradient', 'nats', { type: 'log', dtick: 1, exponentformat: 'power' }),
    },
    height: 440,
  });
}
