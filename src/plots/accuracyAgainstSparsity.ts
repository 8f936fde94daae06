import type { Figure } from './figure.js';
import { axis, colour, figure, ink } from './theme.js';
import { list, percent } from './words.js';

/** A run as a point: what it kept of its accuracy and what it saved. */
export interface SparsityPoint {
  label: string;
  /** Share of parameters removed, 0 to 1. */
  sparsity: number;
  /** Share of right answers, 0 to 1. */
  accuracy: number;
  /** Runs of a group have one colour, and a line from the least sparse to the sparsest. */
  group?: string;
}

/**
 * Accuracy against sparsity, one point a run; the runs of a reference (a published table, say) stand beside them as hollow
 * points. Up and to the right is better. `name` stands for runs without a group.
 */
export function accuracyAgainstSparsity(
  points: readonly SparsityPoint[],
  options: { title?: string; reference?: { name: string; points: readonly SparsityPoint[] }; name?: string } = {},
): Figure {
  const { reference, name = 'our runs' } = options;
  const series = (name: string, of: readonly SparsityPoint[], color: string, style: object) => ({
    type: 'scatter',
    mode: 'markers+text',
    name,
    x: of.map(({ sparsity }) => 100 * sparsity),
    y: of.map(({ accuracy }) => 100 * accuracy),
    text: of.map(({ label }) => label),
    textposition: 'top center',
    textfont: { size: 11 },
    cliponaxis: false,
    marker: { color, size: 10, line: { width: 2, color } },
    hovertemplate: '%{text}: %{y:.2f} % right, %{x:.1f} % removed',
    ...style,
  });
  const line = { mode: 'lines+markers+text', line: { width: 1.5, dash: 'dot' } };
  const data = [...new Set(points.map(({ group }) => group))].map((group, i) => {
    const of = points.filter((point) => point.group === group);
    const along = group === undefined ? of : of.toSorted((a, b) => a.sparsity - b.sparsity);
    return series(group ?? name, along, colour(i), group === undefined ? {} : line);
  });
  if (reference) {
    const hollow = { marker: { color: ink, symbol: 'circle-open', size: 10, line: { width: 2, color: ink } } };
    data.push(series(reference.name, reference.points, ink, hollow));
  }
  const said = points.map((p) => `${p.label}: ${percent(p.accuracy)} right at ${percent(p.sparsity)} removed`);
  return figure({
    title: options.title ?? 'Accuracy against sparsity',
    alt: `Accuracy against sparsity, ${list(said)}${reference ? `; beside it, ${reference.points.length} points of ${reference.name}` : ''}.`,
    data,
    layout: {
      xaxis: axis('sparsity', '% of parameters removed', { range: [-4, 104] }),
      yaxis: axis('accuracy', '% of images'),
    },
    legendBelow: true,
    height: 420,
  });
}
