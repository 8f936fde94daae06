import type { ChannelMasks } from '../models/channelMasks.js';
import type { Figure } from './figure.js';
import { layerLabel, openCount, openCountOf } from './masks.js';
import { axis, epochAxis, figure, ink } from './theme.js';
import { percent } from './words.js';

/** The masks as they were after so many epochs; 0 is before training. */
export interface GateSnapshot {
  epoch: number;
  masks: ChannelMasks;
}

/** Which layers lost their gates when: a heat map of the share of open gates, layers from top to bottom, epochs to the right. */
export function gatesPerLayer(snapshots: readonly GateSnapshot[], options: { title?: string } = {}): Figure {
  const layers = [...(snapshots.at(0)?.masks.keys() ?? [])];
  const share = (masks: ChannelMasks, layer: string): number | null => {
    const mask = masks.get(layer);
    if (mask === undefined) return null;
    const { open, all } = openCount(mask);
    return (100 * open) / all;
  };
  const total = (snapshot: GateSnapshot | undefined): string => {
    const { open, all } = openCountOf(snapshot?.masks.values() ?? []);
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
        x: snapshots.map(({ epoch }) => epoch),
        y: layers.map(layerLabel),
        z: layers.map((layer) => snapshots.map(({ masks }) => share(masks, layer))),
        zmin: 0,
        zmax: 100,
        colorscale: 'Cividis',
        xgap: 1,
        ygap: 1,
        colorbar: { title: { text: 'open gates (%)', side: 'right' }, outlinewidth: 0, tickcolor: ink },
        hovertemplate: 'epoch %{x}, %{y}: %{z:.0f} % open<extra></extra>',
      },
    ],
    layout: {
      xaxis: epochAxis(
        snapshots.map(({ epoch }) => epoch),
        { showgrid: false },
      ),
      yaxis: axis('layer', 'block and branch', {
        autorange: 'reversed',
        showgrid: false,
        dtick: 1,
        tickfont: { size: 11 },
      }),
    },
    height: Math.max(320, 150 + 15 * layers.length),
  });
}
