import type { ChannelMasks } from '../models/channelMasks.js';
import type { Figure } from './figure.js';
import { openCountOf } from './masks.js';
import { axis, colour, figure } from './theme.js';
import { percent } from './words.js';

/** How many gates are exactly closed, exactly open and in between after training: a histogram of the masks' values. */
export function gateHistogram(masks: ChannelMasks, options: { title?: string; bins?: number } = {}): Figure {
  const { bins = 20 } = options;
  const values = [...masks.values()].flatMap((mask) => Array.from(mask));
  const closed = values.filter((value) => value === 0).length;
  const open = values.filter((value) => value === 1).length;
  const between = new Array<number>(bins).fill(0);
  for (const value of values) if (value > 0 && value < 1) between[Math.floor(value * bins)]++;
  const bar = (name: string, xs: number[], ys: number[], n: number, width: number) => ({
    type: 'bar',
    name,
    x: xs,
    y: ys,
    width,
    marker: { color: colour(n) },
    hovertemplate: '%{y} gates',
  });
  const { all } = openCountOf(masks.values());
  return figure({
    title: options.title ?? 'Masks after training',
    alt:
      `Histogram of ${all} masks: ${closed} (${percent(closed / all)}) are exactly 0, ${open} (${percent(open / all)}) ` +
      `exactly 1 and ${all - closed - open} in between.`,
    data: [
      bar('closed', [-0.06], [closed], 1, 0.08),
      bar(
        'in between',
        between.map((_, i) => (i + 0.5) / bins),
        between,
        5,
        0.94 / bins,
      ),
      bar('open', [1.06], [open], 0, 0.08),
    ],
    layout: {
      xaxis: axis('mask value', '0 closed, 1 open', {
        range: [-0.14, 1.14],
        tickvals: [-0.06, 0.25, 0.5, 0.75, 1.06],
        ticktext: ['exactly 0', '0.25', '0.5', '0.75', 'exactly 1'],
      }),
      yaxis: axis('gates', 'count'),
    },
  });
}
