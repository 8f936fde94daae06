import type * as tf from '@tensorflow/tfjs';
import type { ChannelMasks } from '../graph/channelGraph.js';
import { filterLayers, rowsOf } from './filters.js';

/**
 * Returns the cosine between any two filters of a layer, given as rows: with the rows L2-normalised to W, the Gram
 * matrix W W^T. 0 means orthogonal; a filter of zeros has cosine 0 with all filters, including itself.
 */
export function filterCosines(filters: readonly Float64Array[]): number[][] {
  const unit = filters.map((row) => {
    const norm = Math.max(Math.sqrt(dot(row, row)), 1e-12);
    return row.map((value) => value / norm);
  });
  const cosines = unit.map(() => unit.map(() => 0));
  for (let a = 0; a < unit.length; a++) {
    for (let b = 0; b <= a; b++) cosines[a][b] = cosines[b][a] = dot(unit[a], unit[b]);
  }
  return cosines;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * Returns how much each filter overlaps with the others of its layer: with the rows L2-normalised to W, the row sums of
 * |W W^T - I| divided by the number of filters (Prakash et al. 2019, equations 1 and 2). Higher is less orthogonal; a
 * filter of zeros scores 1 / filters, from its own diagonal entry.
 */
export function orthogonalityScores(filters: readonly Float64Array[]): number[] {
  return filterCosines(filters).map((row, a) => {
    const overlaps = row.map((cosine, b) => Math.abs(cosine - (a === b ? 1 : 0)));
    return overlaps.reduce((sum, overlap) => sum + overlap, 0) / row.length;
  });
}

/**
 * The scores that a filter's score is compared with: those of all filters, as in the RePr project, which prunes early
 * layers first; those of its own layer; or those of all filters, each divided by the mean score of random filters of
 * its length.
 */
export type ReprRanking = 'global' | 'perLayer' | 'depthNormalised';

/** How many filters are pruned, and in which order. */
export interface RankOptions {
  /** Share of the filters to prune, from 0 to less than 1. */
  prune_ratio: number;
  /** Default 'global'. */
  ranking?: ReprRanking;
  /** Whether the most orthogonal filters are pruned instead. Default false. */
  reverse?: boolean;
}

/** The scores of one layer's filters and the number of entries per filter. */
export interface LayerScores {
  scores: readonly number[];
  fanIn: number;
}

/** The value below which a share of the values lies, linearly interpolated. */
function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  return sorted[low] + (place - low) * (sorted[Math.ceil(place)] - sorted[low]);
}

/**
 * The mean score of n random filters with d entries: (n - 1) / n * sqrt(2 / (pi d)), because |cos| between two random
 * directions is about sqrt(2 / (pi d)) on average.
 */
export const randomScore = ({ scores, fanIn }: LayerScores): number =>
  (1 - 1 / scores.length) * Math.sqrt(2 / (Math.PI * fanIn));

/** Which filters of each layer to prune: those whose score is strictly above the (1 - prune_ratio) percentile. */
export function rankFilters(layers: readonly LayerScores[], options: RankOptions): boolean[][] {
  const { prune_ratio, ranking = 'global', reverse = false } = options;
  const above = (part: readonly number[][]): boolean[][] => {
    const threshold = percentile(part.flat(), 1 - prune_ratio);
    return part.map((scores) => scores.map((score) => score > threshold));
  };
  const compared = layers.map((layer) => {
    // A single filter overlaps with nothing, whatever its length.
    const unit = ranking === 'depthNormalised' && layer.scores.length > 1 ? randomScore(layer) : 1;
    return layer.scores.map((score) => (reverse ? -score : score) / unit);
  });
  return ranking === 'perLayer' ? compared.flatMap((scores) => above([scores])) : above(compared);
}

/** A layer's scores with its name. */
export interface NamedScores extends LayerScores {
  layer: string;
}

/**
 * The orthogonality scores of all filters of a network except those of depthwise convolutions, by layer from input to
 * output: the input of `rankFilters`.
 */
export function layerScores(model: tf.LayersModel): NamedScores[] {
  return filterLayers(model).map((layer) => ({
    layer: layer.name,
    scores: orthogonalityScores(rowsOf(layer)),
    fanIn: layer.fanIn,
  }));
}

/** How much the filters of each convolution overlap: the mean orthogonality score of the unpruned ones, by layer. */
export function filterOverlap(model: tf.LayersModel, masks: ChannelMasks = new Map()): Map<string, number> {
  return new Map(
    filterLayers(model).map((layer) => {
      const scores = orthogonalityScores(rowsOf(layer).filter((_, f) => masks.get(layer.name)?.[f] !== 0));
      return [layer.name, scores.reduce((sum, score) => sum + score, 0) / Math.max(1, scores.length)];
    }),
  );
}

/** The current cosines between the filters of each convolution, by layer. */
export function cosinesByLayer(model: tf.LayersModel): Map<string, number[][]> {
  return new Map(filterLayers(model).map((layer) => [layer.name, filterCosines(rowsOf(layer))]));
}
