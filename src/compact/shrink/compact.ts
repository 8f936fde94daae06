import type * as tf from '@tensorflow/tfjs';
import { channelGraph, type ChannelMasks } from '../../graph/channelGraph.js';
import { networkGraph, unreadInputs } from '../../graph/networkGraph.js';
import { UserError } from '../../errors.js';
import { check, flag } from '../../rules.js';
import { quantize } from '../quantize.js';
import { checkImages, compactionReport } from '../report/compactionReport.js';
import type { CompactionReport, ReportOptions } from '../report/compactionReport.js';
import { channelValues } from '../weights/channelValues.js';
import { foldGates, foldNorms } from '../weights/fold.js';
import { networkWeights } from '../weights/layerWeights.js';
import { checkMasks, closeMasked, closings } from '../weights/masks.js';
import { filterSizes, keptChannels, type KeepOptions, type KeptBecause } from './keptChannels.js';
import { rebuild } from './rebuild.js';

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

/** The result of `compact`: a smaller network, which the caller disposes, and what happened to the channels. */
export class Compaction {
  constructor(
    /** The smaller network. */
    readonly model: tf.LayersModel,
    /** The network it was made from, unchanged. */
    readonly original: tf.LayersModel,
    readonly masks: ChannelMasks,
    /** The widths of the original's convolutions and dense layers, before and after. */
    readonly widths: LayerWidth[],
    /** The channels it was told to keep. */
    readonly keep: KeepOptions,
    /**
     * With precision 'int8': the smaller network before its conversion to whole numbers, and the layers that still
     * compute with floats.
     */
    readonly float?: tf.LayersModel,
    readonly keptFloat: { layer: string; because: string }[] = [],
  ) {}

  /** Describes what happened to each layer's channels: text with a line for each layer. */
  explain(): string {
    const lines = this.widths.map(({ layer, before, after, because }) => {
      if (after === 0) return `${layer}: 0 of ${before} channels stay, and the layer is gone`;
      const why = Object.entries(reasons).flatMap(([reason, words]) => {
        const n = because[reason as KeptBecause];
        return n === undefined ? [] : [`${n} ${words}`];
      });
      return `${layer}: ${after} of ${before} channels stay (${why.join(', ')})`;
    });
    const unread = unreadInputs(networkGraph(this.original));
    lines.push(...this.keptFloat.map(({ layer, because }) => `${layer}: computes with floats, for ${because}`));
    lines.push(...unread.map(({ name }) => `${name}: an input that no output depends on stays`));
    return `${lines.join('\n')}\n`;
  }

  /**
   * Measures the gain: parameters, multiply-adds, bytes, the time of a forward pass, and the largest difference of the
   * logits. `reportText` formats it.
   */
  report(options: ReportOptions = {}): Promise<CompactionReport> {
    return compactionReport(this, options);
  }
}

/** What `compact` keeps, and what it does with the rest. */
export interface CompactOptions extends KeepOptions {
  /**
   * What to do with the constant outputs of removed channels. true: the following layers absorb them, borders included,
   * so that nothing changes. 'interior': absorbed as if images had no border, as in the ISTA project; wrong near the
   * border. false: dropped. Default true.
   */
  absorb?: boolean | 'interior';
  /**
   * Folds batch norms, with their ReLU, into the convolution or dense layer before them, unless another layer reads it.
   * For a network that is only run: it has fewer layers, but is hard to train further. Default: only with precision
   * 'int8'.
   */
  foldBatchNorm?: boolean;
  /**
   * 'int8' makes convolutions and dense layers compute with whole numbers: weights of 8 bits with a scale for each
   * output channel, inputs of 7 bits with one for each tensor (docs/compaction.md). Default 'float32'.
   */
  precision?: 'float32' | 'int8';
  /**
   * With 'int8': images [N, ...] like those that the network will get, a tensor for each input, which determine the
   * ranges of values; the caller disposes them.
   */
  calibration?: tf.Tensor | tf.Tensor[];
  /**
   * With 'int8': the percentage of values that must lie within a range, the rest being cut off at its ends. Default
   * 100.
   */
  percent?: number;
}

/**
 * Makes a network smaller by removing the channels that carry nothing: those closed by a mask, by gamma 0, by a closed
 * gate or by a filter of zeros, and those that no layer reads. Gates become part of the weights around them, constants
 * part of biases; the logits stay the same up to rounding. Layers keep their names; the given network is not changed,
 * and the caller disposes both.
 *
 * `masks` are those of a Sparsifier: a 0 means that this convolution or dense layer computes nothing in that channel,
 * its filter and bias counting as 0 (unless the filter is 0 in the network: then its bias counts). Without masks, only
 * the channels that the network itself silences are removed.
 *
 * Throws a UserError for a layer whose channels cannot be followed, for masks that do not fit, and for options out of
 * range. The math is in docs/compaction.md.
 */
export function compact(
  model: tf.LayersModel,
  masks: ChannelMasks = new Map(),
  options: CompactOptions = {},
): Compaction {
  const { absorb = true, precision = 'float32', foldBatchNorm = precision === 'int8', ...others } = options;
  const { calibration, percent, ...keep } = others;
  if (absorb !== 'interior') check("absorb, if not 'interior',", absorb, flag);
  checkPrecision(model, { precision, calibration, percent });
  const graph = channelGraph(model);
  checkMasks(graph, masks);
  const weights = networkWeights(graph);
  const filters = filterSizes(weights);
  const closed = closings(weights, masks);
  foldGates(weights);
  const spared = closeMasked(graph, weights, closed);
  const rule = absorb === 'interior' ? 'interior' : 'exact';
  const values = channelValues(graph, weights, rule);
  const kept = keptChannels(graph, weights, values, filters, keep);
  for (const { node, channel, restore } of spared) if (kept.kept.get(node)?.[channel]) restore();
  const widths = [...weights.kernels.keys()].map((node): LayerWidth => {
    // A layer that only removed channels depended on is not built, even if some of its channels are kept by ties.
    const because = kept.built.has(node) ? kept.reasons(node) : {};
    const after = Object.values(because).reduce((sum, n) => sum + n, 0);
    return { layer: node.name, before: node.channels, after, because };
  });
  if (foldBatchNorm) foldNorms(weights, kept.built);
  const small = rebuild({ graph, weights, kept, constants: values.constants, absorb: absorb !== false, rule });
  if (!calibration) return new Compaction(small, model, masks, widths, keep);
  const { model: whole, kept: floats } = quantize(small, { calibration, percent });
  return new Compaction(whole, model, masks, widths, keep, small, floats);
}

/**
 * Throws a UserError for an unknown precision, for calibration images that are missing or of another shape, and for
 * options of int8 with another precision.
 */
function checkPrecision(
  model: tf.LayersModel,
  { precision, calibration, percent }: Pick<CompactOptions, 'precision' | 'calibration' | 'percent'>,
): void {
  if (precision !== 'float32' && precision !== 'int8') {
    throw new UserError(`precision must be 'float32' or 'int8'; received ${JSON.stringify(precision)}.`);
  }
  if (precision === 'int8') return checkImages(model, [calibration ?? []].flat(), 'Calibration images for int8');
  if (calibration === undefined && percent === undefined) return;
  throw new UserError(
    "calibration and percent must come with precision: 'int8'; received 'float32'. Leave them out, or choose int8.",
  );
}
