import type { Random } from '../backend/random.js';

/** Values of |R_ii| up to this share of the largest count as 0. */
const tolerance = 1e-6;

/** The null space of a list of rows. */
export interface NullSpace {
  /** How many of the rows are linearly independent. */
  rank: number;
  /** Orthonormal vectors that are orthogonal to all rows, at most `atMost`. */
  basis: Float64Array[];
}

/**
 * Returns vectors orthogonal to all `rows`, each of length d, by Householder QR of the rows' transpose with column
 * pivoting (Golub and Van Loan, section 5.4.2): the first `atMost` of the last d - rank columns of Q.
 *
 * Available libraries have QR without pivoting, which does not reveal the rank, and the thin SVD, which omits these
 * vectors.
 */
export function nullSpace(
  rows: readonly Float64Array[],
  d: number,
  { atMost = Infinity }: { atMost?: number } = {},
): NullSpace {
  const columns = rows.map((row) => row.slice());
  const reflectors: Float64Array[] = [];
  let largest = 0;
  while (reflectors.length < Math.min(columns.length, d)) {
    const k = reflectors.length;
    const norms = columns.map((column, j) => (j < k ? -1 : normFrom(column, k)));
    const pivot = norms.indexOf(Math.max(...norms));
    if (k === 0) largest = norms[pivot];
    if (norms[pivot] <= tolerance * largest) break;
    [columns[k], columns[pivot]] = [columns[pivot], columns[k]];
    const reflector = reflectorOf(columns[k], k, norms[pivot]);
    for (let j = k + 1; j < columns.length; j++) reflect(columns[j], reflector, k);
    reflectors.push(reflector);
  }
  const rank = reflectors.length;
  const basis = Array.from({ length: Math.min(d - rank, atMost) }, (_, i) => {
    const vector = new Float64Array(d);
    vector[rank + i] = 1;
    for (let k = rank - 1; k >= 0; k--) reflect(vector, reflectors[k], k);
    return vector;
  });
  return { rank, basis };
}

/** The norm of a vector's entries from the k-th on. */
function normFrom(vector: Float64Array, k: number): number {
  let sum = 0;
  for (let i = k; i < vector.length; i++) sum += vector[i] * vector[i];
  return Math.sqrt(sum);
}

/** The unit vector whose reflection turns a column's entries from the k-th on into one entry and zeros. */
function reflectorOf(column: Float64Array, k: number, norm: number): Float64Array {
  const vector = column.slice();
  vector.fill(0, 0, k);
  // The same sign as the entry, so that nothing cancels.
  vector[k] += vector[k] < 0 ? -norm : norm;
  const length = normFrom(vector, k);
  return vector.map((value) => value / length);
}

/** x <- x - 2 v (v . x), where v is 0 before its k-th entry. */
function reflect(x: Float64Array, v: Float64Array, k: number): void {
  let product = 0;
  for (let i = k; i < x.length; i++) product += v[i] * x[i];
  for (let i = k; i < x.length; i++) x[i] -= 2 * product * v[i];
}

/** How a null-space vector is brought within the bounds of start values: entry by entry, or by a common factor. */
export type ReprScaling = 'clip' | 'rescale';

export interface Refill {
  /** One new row for each dropped filter. */
  rows: Float64Array[];
  /** How many of the rows, counted from the first, come from the null space. */
  fromNullSpace: number;
}

/**
 * Brings a vector within +-limit. Clipping, as in the RePr project, loses some of its orthogonality; rescaling keeps
 * all of it.
 */
export function withinLimit(vector: Float64Array, limit: number, scaling: ReprScaling): Float64Array {
  if (scaling === 'clip') return vector.map((value) => Math.min(limit, Math.max(-limit, value)));
  const most = vector.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return vector.map((value) => (value * limit) / most);
}

/**
 * Returns new values for dropped filters (Prakash et al. 2019, section 4.3): vectors orthogonal to the dropped filters'
 * old values and to the kept filters, within +-1 / sqrt(fan-in); if there are too few, the rest are uniform draws
 * within the same bounds.
 */
export function refillFilters(
  dropped: readonly Float64Array[],
  kept: readonly Float64Array[],
  { scaling, random }: { scaling: ReprScaling; random: Pick<Random, 'next'> },
): Refill {
  const fanIn = dropped[0].length;
  const limit = 1 / Math.sqrt(fanIn);
  const { basis } = nullSpace([...dropped, ...kept], fanIn, { atMost: dropped.length });
  const rows = dropped.map((_, i) =>
    i < basis.length
      ? withinLimit(basis[i], limit, scaling)
      : Float64Array.from({ length: fanIn }, () => limit * (2 * random.next() - 1)),
  );
  return { rows, fromNullSpace: basis.length };
}
