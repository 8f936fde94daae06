import { reprEpoch, type ReprLengths } from '../sparsity/index.js';
import type { Figure, Trace } from './figure.js';
import { axis, colour, figure, ink, note, verticalMark } from './theme.js';
import { phaseBands } from './phaseBands.js';
import { list } from './words.js';

/** How often a filter has come back by an epoch's end, or that it is off. */
type Life = { from: number; to: number; lives: number };

/** Which of ten filters a picture of the cycle switches off in turn n: three of them, others each time. */
const offInTurn = (n: number): number[] => [1, 5, 8].map((f) => (f + 3 * n) % 10);

/**
 * RePr's cycle as a picture: ten filters as bars along the epochs. In S1 all train; before S2 three go off and leave a
 * gap; after it they come back new, in another colour. Which ones go is made up, when they go is the schedule's.
 */
export function reprCycle(
  { S1, S2, epochs }: ReprLengths & { epochs: number },
  options: { title?: string } = {},
): Figure {
  const lives: Life[][] = Array.from({ length: 10 }, () => [{ from: 0, to: 0, lives: 0 }]);
  const turns: { epoch: number; prunes: boolean }[] = [];
  let off: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const { prunes, reinitialises } = reprEpoch(epoch, { S1, S2 });
    if (reinitialises) {
      for (const f of off) lives[f].push({ from: epoch, to: epoch, lives: lives[f].length });
      off = [];
    }
    if (prunes) off = offInTurn(turns.filter((turn) => turn.prunes).length);
    if (prunes || reinitialises) turns.push({ epoch, prunes });
    lives.forEach((life, f) => {
      if (!off.includes(f)) life[life.length - 1].to = epoch + 1;
    });
  }
  const most = Math.max(...lives.map((life) => life.length));
  const names = ['as it started', 'come back once', 'come back twice'];
  const data: Trace[] = Array.from({ length: most }, (_, n) => {
    const bars = lives.flatMap((life, f) => life.filter((part) => part.lives === n).map((part) => ({ ...part, f })));
    return {
      type: 'bar',
      orientation: 'h',
      name: names[n] ?? `come back ${n} times`,
      base: bars.map(({ from }) => from),
      x: bars.map(({ from, to }) => to - from),
      y: bars.map(({ f }) => f + 1),
      width: 0.62,
      marker: { color: colour(n) },
      hovertemplate: 'filter %{y}<extra></extra>',
    };
  });
  const marks = turns.map(({ epoch, prunes }) => verticalMark(epoch, prunes ? 'prune' : 'bring back'));
  const phases = Array.from({ length: epochs }, (_, epoch) => ({
    epoch: epoch + 1,
    ...reprEpoch(epoch, { S1, S2 }),
  }));
  const starts = (prunes: boolean): string =>
    list(turns.filter((turn) => turn.prunes === prunes).map(({ epoch }) => String(epoch)));
  return figure({
    title: options.title ?? 'The cycle',
    alt:
      `Diagram of ${epochs} epochs: filters are switched off after epoch ${starts(true) || 'none'} and brought back after ` +
      `epoch ${starts(false) || 'none'}; in between, in grey, only the others train.`,
    data,
    layout: {
      barmode: 'overlay',
      xaxis: axis('training', 'epochs', { range: [0, epochs], showgrid: false }),
      yaxis: axis('filter', 'number', { autorange: 'reversed', dtick: 1, showgrid: false }),
      shapes: [...phaseBands(phases), ...marks.map(({ shape }) => shape)],
      annotations: [
        ...marks.map(({ annotation }) => ({ ...annotation, textangle: 0, font: { size: 11, color: ink } })),
        note('grey: S2, the filters with a gap are off', 0, -0.24, {
          xanchor: 'left',
          yanchor: 'top',
          font: { size: 11 },
        }),
      ],
    },
    height: 380,
  });
}
