/** The mean of several runs, and how well they know it. */
export interface MeanInterval {
  n: number;
  mean: number;
  /** Half the width of the 95 % interval of the mean, by Student's t; null for fewer than two values. */
  halfWidth: number | null;
}

/** The 97.5 % points of Student's t for 1 to 10 degrees of freedom. */
const points = [12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139];

/** The same for any: beyond 10 by the first terms of the expansion in 1 / degrees (Abramowitz and Stegun 26.7.5). */
function studentPoint(degrees: number): number {
  if (degrees <= points.length) return points[degrees - 1];
  const z = 1.959964;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
  ];
  return terms.reduce((sum, term, k) => sum + term / degrees ** (k + 1), z);
}

/** The mean of independent values and its 95 % interval, mean +- t s / sqrt(n), which takes them for normal. */
export function meanInterval(values: readonly number[]): MeanInterval {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { n, mean, halfWidth: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { n, mean, halfWidth: studentPoint(n - 1) * Math.sqrt(variance / n) };
}
