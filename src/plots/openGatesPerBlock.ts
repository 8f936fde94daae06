import type { ChannelMasks } from '../models/channelMasks.js';
import type { Figure } from './figure.js';
import { openCountOf } from './masks.js';
import { axis, colour, figure } from './theme.js';
import { list } from './words.js';

/** How many gates of each block are open and how many closed, as stacked bars. A layer's block is its name up to the first `_`. */
export function openGatesPerBlock(masks: ChannelMasks, options: { title?: string } = {}): Figure {
  const blocks = new Map<string, Float32Array[]>();
  for (const [layer, mask] of masks) {
    const block = layer.split('_')[0];
    blocks.set(block, [...(blocks.get(block) ?? []), mask]);
  }
  const names = [...blocks.keys()];
  const counts = [...blocks.values()].map(openCountOf);
  const bar = { type: 'bar', x: names, textposition: 'inside', insidetextanchor: 'middle' };
  return figure({
    title: options.title ?? 'Gates by block',
    alt: `Open gates by block: ${list(names.map((name, i) => `${name} ${counts[i].open} of ${counts[i].all}`))}.`,
    data: [
      {
        ...bar,
        name: 'open',
        y: counts.map(({ open }) => open),
        text: counts.map(({ open }) => String(open)),
        marker: { color: colour(0) },
      },
      {
        ...bar,
        name: 'closed',
        y: counts.map(({ open, all }) => all - open),
        marker: { color: colour(1), opacity: 0.45 },
      },
    ],
    layout: {
      barmode: 'stack',
      xaxis: axis('block', 'from input to output'),
      yaxis: axis('gates', 'count'),
    },
  });
}
