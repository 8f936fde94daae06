import { UserError } from '../errors.js';
import { inceptionBranches } from '../models/googleNet.js';
import type { ChannelMasks } from '../graph/channelGraph.js';
import { colorbar, figure, type Figure, hiddenAxis, ink, list, openCount, openScale } from './theme.js';

/** The layers of each branch from the block's input to its gate. */
const before: Record<(typeof inceptionBranches)[number], string[]> = {
  '1x1': ['conv 1×1'],
  '3x3': ['conv 1×1<br>(reduce)', 'conv 3×3'],
  '5x5': ['conv 1×1<br>(reduce)', 'conv 5×5'],
  pool: ['max-pool<br>3×3', 'conv 1×1'],
};

/** Vertical positions in the drawing, from the input down to the gates; a column is 1 wide, a box 1 high. */
const heights = { input: -0.6, first: -2.3, last: -4.1, gates: -5.2 };
const boxWidth = 0.84;
/** The height of a box in pixels. */
const unit = 36;
/** The number of gates in a row. */
const inRow = 12;

const beneath = { orientation: 'h', thickness: 12, y: 0, yanchor: 'top', dtick: 0.5 };

const box = (x: number, y: number) => ({
  type: 'rect',
  x0: x - boxWidth / 2,
  x1: x + boxWidth / 2,
  y0: y - 0.5,
  y1: y + 0.5,
  line: { color: ink, width: 1.5 },
});

const label = (text: string, x: number, y: number) => ({
  text,
  x,
  y,
  showarrow: false,
  font: { size: 11 },
});

/**
 * The effect of gates on an inception block: its four branches side by side, from the input down to the concatenation,
 * with the masks of its channels as squares at the end of each branch, 0 closed and 1 open.
 *
 * `masks` are those of a GoogleNet by layer (`block3_5x5_conv`); `block` is the number of a block, from 1. Throws a
 * UserError if there are no masks of that block.
 */
export function inceptionBlock(masks: ChannelMasks, options: { block?: number; title?: string } = {}): Figure {
  const { block = 1 } = options;
  const branches = inceptionBranches.map((branch, column) => {
    const mask = masks.get(`block${block}_${branch}_conv`);
    if (!mask)
      throw new UserError(`masks must be of block ${block}; there is none of its branch ${branch}. Give it gates.`);
    return { branch, mask, x: column + 0.5, rows: Math.ceil(mask.length / inRow), ...openCount(mask) };
  });
  const middle = branches.length / 2;
  const mostRows = Math.max(...branches.map(({ rows }) => rows));
  const side = Math.min(0.26, 2.6 / mostRows);
  const counts = heights.gates - mostRows * side - 0.6;
  const concat = counts - 2;
  const boxes = [
    { text: 'input', x: middle, y: heights.input },
    { text: 'concat', x: middle, y: concat },
    ...branches.flatMap(({ branch, x }) =>
      before[branch].map((text, n) => ({ text, x, y: n === 0 ? heights.first : heights.last })),
    ),
  ];
  const arrows = branches.flatMap(({ branch, x }) => {
    const steps = before[branch].length === 1 ? [heights.first] : [heights.first, heights.last];
    const below = [...steps.slice(1).map((y) => y + 0.5), heights.gates + 0.1];
    return [
      { from: [middle + 0.2 * (x - middle), heights.input - 0.5], to: [x, heights.first + 0.5] },
      ...steps.map((y, n) => ({ from: [x, y - 0.5], to: [x, below[n]] })),
      { from: [x, counts - 0.5], to: [middle + 0.2 * (x - middle), concat + 0.5] },
    ];
  });
  const said = branches.map(({ branch, open, all }) => `${branch} ${open} of ${all}`);
  const gates = branches.map(({ branch, mask, x, rows }, i) => ({
    type: 'heatmap',
    x: Array.from({ length: inRow + 1 }, (_, n) => x + boxWidth * (n / inRow - 0.5)),
    y: Array.from({ length: rows + 1 }, (_, n) => heights.gates - n * side),
    z: Array.from({ length: rows }, (_, r) => Array.from({ length: inRow }, (_, c) => mask[r * inRow + c] ?? null)),
    zmin: 0,
    zmax: 1,
    xgap: 1,
    ygap: 1,
    hoverongaps: false,
    colorscale: openScale,
    ...(i === 0 ? { colorbar: colorbar('mask (0 closed, 1 open)', beneath) } : { showscale: false }),
    hovertemplate: `branch ${branch}: mask %{z:.2f}<extra></extra>`,
  }));
  return figure({
    title: options.title ?? `Gates in inception block ${block}`,
    alt: `Diagram of inception block ${block}: four branches side by side, each ending in gates. Open: ${list(said)}.`,
    data: [
      ...gates,
      {
        type: 'scatter',
        mode: 'lines+markers',
        x: arrows.flatMap(({ from, to }) => [from[0], to[0], null]),
        y: arrows.flatMap(({ from, to }) => [from[1], to[1] + 0.12, null]),
        line: { color: ink, width: 1.2 },
        marker: { color: ink, symbol: 'triangle-down', size: 7, opacity: arrows.flatMap(() => [0, 1, 0]) },
        hoverinfo: 'skip',
        showlegend: false,
      },
    ],
    layout: {
      xaxis: hiddenAxis([0, branches.length]),
      yaxis: hiddenAxis([concat - 0.6, 0]),
      shapes: boxes.map(({ x, y }) => box(x, y)),
      annotations: [
        ...boxes.map(({ text, x, y }) => label(text, x, y)),
        ...branches.map(({ open, all, x }) => label(`${open} of ${all}<br>open`, x, counts)),
      ],
      margin: { l: 16, r: 16, t: 48, b: 72 },
    },
    height: Math.round(120 + unit * (0.6 - concat)),
    // From this width on, the texts fit into their boxes.
    leastWidth: 300,
  });
}
