import { UserError } from '../errors.js';
import { inceptionBranches } from '../models/googleNet.js';
import type { ChannelMasks } from '../graph/channelGraph.js';
import { figure, type Figure, hiddenAxis, ink, list, openCount } from './theme.js';

/** What stands before a branch's gate: the layers from the block's input on. */
const before: Record<(typeof inceptionBranches)[number], string[]> = {
  '1x1': ['conv 1×1'],
  '3x3': ['conv 1×1<br>(reduce)', 'conv 3×3'],
  '5x5': ['conv 1×1<br>(reduce)', 'conv 5×5'],
  pool: ['max-pool<br>3×3', 'conv 1×1'],
};

const box = (x: number, y: number, width: number) => ({
  type: 'rect',
  x0: x - width / 2,
  x1: x + width / 2,
  y0: y - 0.26,
  y1: y + 0.26,
  line: { color: ink, width: 1.5 },
});

const colorbar = { title: { text: 'mask (0 closed, 1 open)', side: 'right' }, outlinewidth: 0, tickcolor: ink };

const label = (text: string, x: number, y: number) => ({
  text,
  x,
  y,
  showarrow: false,
  font: { size: 11, color: ink },
});

/** A line with a triangle at its end; the arrows of plotly's own need a browser. */
const arrow = (fromX: number, fromY: number, x: number, y: number): object[] => {
  const along = Math.atan2(y - fromY, x - fromX);
  const corner = (turn: number): string =>
    `${(x - 0.2 * Math.cos(along + turn)).toFixed(3)},${(y - 0.2 * Math.sin(along + turn)).toFixed(3)}`;
  const line = { color: ink, width: 1.2 };
  return [
    { type: 'line', x0: fromX, y0: fromY, x1: x, y1: y, line },
    { type: 'path', path: `M${x},${y} L${corner(0.35)} L${corner(-0.35)} Z`, line, fillcolor: ink },
  ];
};

/**
 * What gates do to an inception block: its four branches from the input to the concatenation, and behind each the masks of
 * its channels as a strip of colours, 0 closed and 1 open.
 *
 * `masks` are those of a GoogleNet by layer (`block3_5x5_conv`), `block` is the number of one, from 1. Throws a UserError
 * where there are no masks of that block.
 */
export function inceptionBlock(masks: ChannelMasks, options: { block?: number; title?: string } = {}): Figure {
  const { block = 1 } = options;
  const found = inceptionBranches.map((branch) => ({ branch, mask: masks.get(`block${block}_${branch}_conv`) }));
  const strips = found.map(({ branch, mask }) => {
    if (!mask) throw new UserError(`There are no masks of block ${block}'s branch ${branch}; are there gates in it?`);
    return { branch, mask, ...openCount(mask) };
  });
  const shapes: object[] = [box(0, 2.5, 0.9), box(8.6, 2.5, 1)];
  const annotations: object[] = [label('input', 0, 2.5), label('concat', 8.6, 2.5)];
  strips.forEach(({ branch, open, all }, i) => {
    const y = 4 - i;
    const steps = before[branch];
    const places = steps.length === 1 ? [1.8] : [1.8, 3.4];
    shapes.push(...places.map((x) => box(x, y, 1.25)));
    annotations.push(...steps.map((text, n) => label(text, places[n], y)));
    shapes.push(...arrow(0.45, 2.5, places[0] - 0.65, y));
    if (places.length === 2) shapes.push(...arrow(places[0] + 0.63, y, places[1] - 0.65, y));
    shapes.push(...arrow(places[places.length - 1] + 0.63, y, 4.45, y), ...arrow(7.5, y, 8.08, 2.5));
    annotations.push(label(`${open} of ${all} channels open`, 6, y - 0.42));
  });
  const said = strips.map(({ branch, open, all }) => `${branch} ${open} of ${all}`);
  return figure({
    title: options.title ?? `Gates in inception block ${block}`,
    alt: `Diagram of inception block ${block}: four branches side by side, each ending in gates. Open: ${list(said)}.`,
    data: strips.map(({ branch, mask }, i) => ({
      type: 'heatmap',
      x: Array.from(mask, (_, c) => 4.5 + (3 * (c + 0.5)) / mask.length),
      y: [3.82 - i, 4.18 - i],
      z: [Array.from(mask)],
      zmin: 0,
      zmax: 1,
      xgap: 1,
      colorscale: 'Cividis',
      ...(i === 0 ? { colorbar } : { showscale: false }),
      hovertemplate: `branch ${branch}: mask %{z:.2f}<extra></extra>`,
    })),
    layout: {
      xaxis: hiddenAxis([-0.6, 9.2]),
      yaxis: hiddenAxis([0.3, 4.6]),
      shapes,
      annotations,
      margin: { l: 16, r: 16, t: 48, b: 16 },
    },
    height: 380,
  });
}
