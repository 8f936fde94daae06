/**
 * What a filter's score is compared with: the scores of all filters, as the RePr project does, which prunes early layers
 * first; those of its own layer; or those of all filters, each in units of the score that random filters of its length
 * would have.
 */
export type ReprRanking = 'global' | 'perLayer' | 'depthNormalised';

export interface RankOptions {
  /** Share of the filters to prune, from 0 to less than 1. */
  prune_ratio: number;
  /** Default 'global'. */
  ranking?: ReprRanking;
  /** Whether the most orthogonal filters are pruned instead. Default false. */
  reverse?: boolean;
}

/** The scores of one layer's filters and the entries that each filter has. */
export interface LayerScores {
  scores: readonly number[];
  fanIn: number;
}

/** The value below which a share of the values lies, between two of them in proportion. */
function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  return sorted[low] + (place - low) * (sorted[Math.ceil(place)] - sorted[low]);
}

/**
 * The mean score of n random filters with d entries: (n - 1) / n * sqrt(2 / (pi d)), |cos| between two random directions
 * being about sqrt(2 / (pi d)) on average.
 */
const randomScore = ({ scores, fanIn }: LayerScores): number =>
  (1 - 1 / scores.length) * Math.sqrt(2 / (Math.PI * fanIn));

/** Which filters of each layer to prune: those whose score is strictly above the (1 - prune_ratio) percentile. */
export function rankFilters(layers: readonly LayerScores[], options: RankOptions): boolean[][] {
  const { prune_ratio, ranking = 'global', reverse = false } = options;
  const above = (part: readonly number[][]): boolean[][] => {
    const threshold = percentile(part.flat(), 1 - prune_ratio);
    return part.map((scores) => scores.map((score) => score > threshold));
  };
  const compared = layers.map((layer) => {
    // A lone filter overlaps with nothing, whatever its length.
    const unit = ranking === 'depthNormalised' && layer.scores.length > 1 ? randomScore(layer) : 1;
    return layer.scores.map((score) => (reverse ? -score : score) / unit);
  });
  return ranking === 'perLayer' ? compared.flatMap((scores) => above([scores])) : above(compared);
}
