import { filterCosines } from './filterCosines.js';

/**
 * How much each filter overlaps with the others of its layer: with the rows L2-normalised to W, the row sums of
 * |W W^T - I| divided by the number of filters (Prakash et al. 2019, equations 1 and 2). Higher is less orthogonal; a
 * filter of zeros scores 1 / filters, from its own diagonal entry.
 */
export function orthogonalityScores(filters: readonly Float64Array[]): number[] {
  return filterCosines(filters).map((row, a) => {
    const overlaps = row.map((cosine, b) => Math.abs(cosine - (a === b ? 1 : 0)));
    return overlaps.reduce((sum, overlap) => sum + overlap, 0) / row.length;
  });
}
