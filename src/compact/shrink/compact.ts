import type * as tf from '@tensorflow/tfjs';
import type { ChannelMasks } from '../../models/channelMasks.js';
import { channelGraph } from '../../graph/channelGraph.js';
import { constants, type Constants } from '../weights/constants.js';
import { checkMasks, closeMasked, closings } from '../weights/closeMasked.js';
import { foldGates } from '../weights/foldGates.js';
import { foldNorms } from '../weights/foldNorms.js';
import { networkWeights } from '../weights/layerWeights.js';
import { Compaction, type LayerWidth } from './compaction.js';
import { filterSizes, keptChannels, type KeepOptions } from './keptChannels.js';
import { rebuild } from './rebuild.js';

export interface CompactOptions extends KeepOptions {
  /**
   * What becomes of the constants that removed channels put out. true: what follows absorbs them, borders included, so
   * that nothing changes. 'interior': absorbed as if images had no border, as in the ISTA project; off by what the border
   * makes. false: dropped. Default true.
   */
  absorb?: boolean | 'interior';
  /**
   * Makes batch norms, with their ReLU, part of the convolution or dense layer in front of them, where nobody else reads it. For a
   * network that is only to be run: it has fewer layers, and is hard to train further. Default false.
   */
  foldBatchNorm?: boolean;
}

/**
 * Makes a network smaller: without the channels that carry nothing: those a mask closes, those behind gamma 0, a closed gate or a
 * filter of zeros, and those nobody reads. Gates become part of the weights around them, constants part of biases; the
 * logits stay what they were up to rounding. Layers keep their names; the given network stays as it is.
 *
 * `masks` are those of a Sparsifier: a 0 means that this convolution or dense layer computes nothing in that channel,
 * its filter and bias counting as 0 (unless the filter is 0 in the network: then its bias counts). Without masks, what the network silences itself goes.
 *
 * Throws a UserError for a layer whose channels cannot be followed, for masks that do not fit, and for options out of
 * range. The math is in docs/compaction.md.
 */
export function compact(
  model: tf.LayersModel,
  masks: ChannelMasks = new Map(),
  options: CompactOptions = {},
): Compaction {
  const { absorb = true, foldBatchNorm = false, ...keep } = options;
  const graph = channelGraph(model);
  checkMasks(graph, masks);
  const weights = networkWeights(graph);
  const filters = filterSizes(weights);
  const closed = closings(weights, masks);
  foldGates(weights);
  const spared = closeMasked(graph, weights, closed);
  const kept = keptChannels(graph, weights, filters, keep);
  const rule = absorb === 'interior' ? 'interior' : 'exact';
  const found: Constants = absorb === false ? new Map<never, never>() : constants(graph, weights, kept.live, rule);
  for (const { node, channel, restore } of spared) if (kept.kept.get(node)?.[channel]) restore();
  const widths = [...weights.kernels.keys()].map((node): LayerWidth => {
    const because = Object.fromEntries(kept.reasons(node));
    const after = Object.values(because).reduce((sum, n) => sum + n, 0);
    return { layer: node.name, before: node.channels, after, because };
  });
  if (foldBatchNorm) foldNorms(weights);
  return new Compaction(rebuild({ graph, weights, kept, constants: found, rule }), model, masks, widths);
}
