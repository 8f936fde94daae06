import type { Figure, Trace } from './figure.js';
import { axis, colour, dash, figure, ink } from './theme.js';
import { list, number, percent } from './words.js';

/** A short run with one penalty and one weight decay; shares are from 0 to 1. */
export interface SweepPoint {
  l1_penalty: number;
  weight_decay: number;
  fakeSparsity: number;
  /** Accuracy on the validation images. */
  validation: number;
}

/**
 * What runs of the same length came to, penalty by penalty, a line for each weight decay: above, the share of gammas that are
 * 0; below, the validation accuracy. A dotted line is the accuracy that all of them started from.
 */
export function penaltySweep(
  points: readonly SweepPoint[],
  options: { title?: string; start?: { validation: number } } = {},
): Figure {
  const decays = [...new Set(points.map(({ weight_decay }) => weight_decay))].sort((a, b) => a - b);
  const penalties = [...new Set(points.map(({ l1_penalty }) => l1_penalty))].sort((a, b) => a - b);
  const traces = decays.flatMap((decay, n): Trace[] => {
    const of = points.filter((p) => p.weight_decay === decay).sort((a, b) => a.l1_penalty - b.l1_penalty);
    const line = {
      type: 'scatter',
      mode: 'lines+markers',
      name: `weight_decay ${decay}`,
      // By its name: penalties grow by factors, and one of them may be 0.
      x: of.map((p) => String(p.l1_penalty)),
      line: { color: colour(n), dash: dash(n), width: 2 },
      marker: { size: 8 },
      legendgroup: String(decay),
    };
    return [
      { ...line, y: of.map((p) => 100 * p.fakeSparsity) },
      { ...line, y: of.map((p) => 100 * p.validation), yaxis: 'y2', showlegend: false },
    ];
  });
  const start = options.start && {
    type: 'line',
    xref: 'paper',
    x0: 0,
    x1: 1,
    yref: 'y2',
    y0: 100 * options.start.validation,
    y1: 100 * options.start.validation,
    line: { color: ink, width: 1, dash: 'dot' },
  };
  const said = points.map(
    (p) =>
      `penalty ${number(p.l1_penalty)} with weight decay ${p.weight_decay} gives ${percent(p.fakeSparsity)} and ${percent(p.validation)}`,
  );
  return figure({
    title: options.title ?? 'Short runs at several penalties',
    alt: `Fake sparsity and validation accuracy of ${points.length} short runs: ${list(said)}.`,
    data: traces,
    layout: {
      xaxis: axis('l1_penalty', 'pure number', {
        type: 'category',
        categoryorder: 'array',
        categoryarray: penalties.map(String),
        anchor: 'y2',
      }),
      yaxis: axis('fake sparsity', '%', { domain: [0.55, 1], rangemode: 'tozero' }),
      yaxis2: axis('validation', '% of images', { domain: [0, 0.45] }),
      shapes: start ? [start] : [],
    },
    legendBelow: true,
    height: 520,
  });
}
