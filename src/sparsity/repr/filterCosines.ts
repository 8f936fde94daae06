/**
 * The cosine between any two filters of a layer, given as rows: with the rows L2-normalised to W, the Gram matrix W W^T.
 * 0 means orthogonal; a filter of zeros has cosine 0 with all, itself included.
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
