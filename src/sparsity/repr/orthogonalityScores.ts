/**
 * How much each filter overlaps with the others of its layer: with the rows L2-normalised to W, the row sums of
 * |W W^T - I| divided by the number of filters (Prakash et al. 2019, equations 1 and 2). Higher is less orthogonal; a
 * filter of zeros scores 1 / filters, from its own diagonal entry.
 */
export function orthogonalityScores(filters: readonly Float64Array[]): number[] {
  const unit = filters.map((row) => {
    const norm = Math.max(Math.sqrt(dot(row, row)), 1e-12);
    return row.map((value) => value / norm);
  });
  const sums = unit.map(() => 0);
  for (let a = 0; a < unit.length; a++) {
    sums[a] += Math.abs(dot(unit[a], unit[a]) - 1);
    for (let b = 0; b < a; b++) {
      const overlap = Math.abs(dot(unit[a], unit[b]));
      sums[a] += overlap;
      sums[b] += overlap;
    }
  }
  return sums.map((sum) => sum / unit.length);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
