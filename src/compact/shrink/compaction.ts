import type * as tf from '@tensorflow/tfjs';
import { networkGraph } from '../../graph/networkGraph.js';
import type { ChannelMasks } from '../../models/channelMasks.js';
import { compactionReport, type CompactionReport, type ReportOptions } from '../report/compactionReport.js';
import type { KeptBecause } from './keptChannels.js';

/** How many channels of a convolution or dense layer stay, and why. */
export interface LayerWidth {
  layer: string;
  before: number;
  after: number;
  because: Partial<Record<KeptBecause, number>>;
}

const reasons: Record<KeptBecause, string> = {
  used: 'used',
  locked: 'of the input or output',
  asked: 'asked for',
  rounding: 'to round the width up',
  last: 'so that one is left',
};

/** A network made smaller. */
export class Compaction {
  constructor(
    /** The smaller network. */
    readonly model: tf.LayersModel,
    /** The network it was made from, as it is. */
    readonly original: tf.LayersModel,
    readonly masks: ChannelMasks,
    /** The widths of the original's convolutions and dense layers, before and after. */
    readonly widths: LayerWidth[],
  ) {}

  /** What became of each layer's channels, as text: a line for each layer. */
  explain(): string {
    const lines = this.widths.map(({ layer, before, after, because }) => {
      if (after === 0) return `${layer}: 0 of ${before} channels stay, and the layer is gone`;
      const why = Object.entries(reasons).flatMap(([reason, words]) => {
        const n = because[reason as KeptBecause];
        return n === undefined ? [] : [`${n} ${words}`];
      });
      return `${layer}: ${after} of ${before} channels stay (${why.join(', ')})`;
    });
    const unread = networkGraph(this.original).inputs.filter(({ readers, output }) => readers.length === 0 && !output);
    lines.push(...unread.map(({ name }) => `${name}: an input that no output depends on stays`));
    return `${lines.join('\n')}\n`;
  }

  /**
   * Measures what was won: parameters, multiply-adds, bytes, the time of a forward pass, and the largest difference of
   * the logits. `reportText` prints it.
   */
  report(options: ReportOptions = {}): Promise<CompactionReport> {
    return compactionReport(this.original, this.masks, this.model, options);
  }
}
