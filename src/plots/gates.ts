import type { ChannelMasks } from '../graph/channelGraph.js';
import type { MaskSnapshot } from '../experiments/run/notes.js';
import {
  axis,
  colorbar,
  colour,
  epochAxis,
  figure,
  layerAxis,
  layerLabel,
  layerLabels,
  openCount,
  openScale,
  percent,
} from './theme.js';
import type { Figure, Titled } from './theme.js';

/**
 * The numbers of gates that are exactly closed, exactly open and in between after training: a histogram of the masks'
 * values.
 */
export function gateHistogram(masks: ChannelMasks, options: Titled = {}): Figure {
  const bins = 20;
  const values = [...masks.values()].flatMap((mask) => Array.from(mask));
  const closed = values.filter((value) => value === 0).length;
  const open = values.filter((value) => value === 1).length;
  const between = new Array<number>(bins).fill(0);
  for (const value of values) if (value > 0 && value < 1) between[Math.floor(value * bins)]++;
  const middles = between.map((_, i) => (i + 0.5) / bins);
  const bar = (name: string, xs: number[], ys: number[], n: number, width: number) => ({
    type: 'bar',
    name,
    x: xs,
    y: ys,
    width,
    marker: { color: colour(n) },
    hovertemplate: '%{y} gates',
  });
  const all = values.length;
  return figure({
    title: options.title ?? 'Masks after training',
    alt:
      `Histogram of ${all} masks: ${closed} (${percent(closed / all)}) are exactly 0, ${open} (${percent(open / all)}) ` +
      `exactly 1 and ${all - closed - open} in between.`,
    data: [
      bar('closed', [-0.06], [closed], 1, 0.08),
      bar('in between', middles, between, 5, 0.94 / bins),
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

/**
 * Shows which layers lost their gates when: a heat map of the share of open gates, layers from top to bottom, epochs
 * from left to right.
 */
export function gatesPerLayer(snapshots: readonly MaskSnapshot[], options: Titled = {}): Figure {
  const layers = [...(snapshots.at(0)?.masks.keys() ?? [])];
  const epochs = snapshots.map(({ epoch }) => epoch);
  const share = (masks: ChannelMasks, layer: string): number | null => {
    const mask = masks.get(layer);
    if (mask === undefined) return null;
    const { open, all } = openCount(mask);
    return (100 * open) / all;
  };
  const total = (snapshot: MaskSnapshot | undefined): string => {
    const { open, all } = openCount(...(snapshot?.masks.values() ?? []));
    return percent(open / all);
  };
  return figure({
    title: options.title ?? 'Open gates by layer and epoch',
    alt:
      `Heat map of open gates in ${layers.length} layers over ${snapshots.length} epochs: over all layers ` +
      `${total(snapshots.at(0))} are open at first and ${total(snapshots.at(-1))} at last.`,
    data: [
      {
        type: 'heatmap',
        x: epochs,
        y: layers.map(layerLabels(layers, layerLabel)),
        z: layers.map((layer) => snapshots.map(({ masks }) => share(masks, layer))),
        zmin: 0,
        zmax: 100,
        colorscale: openScale,
        xgap: 1,
        ygap: 1,
        colorbar: colorbar('open gates (%)'),
        hovertemplate: 'epoch %{x}, %{y}: %{z:.0f} % open<extra></extra>',
      },
    ],
    layout: {
      xaxis: epochAxis(epochs, { showgrid: false }),
      yaxis: layerAxis({ autorange: 'reversed', showgrid: false, dtick: 1 }, 'block and branch'),
    },
    height: Math.max(320, 150 + 15 * layers.length),
  });
}
