import * as tf from '@tensorflow/tfjs';
import type { BiasMap } from '../../layers/biasMap.js';

/**
 * The kernel [h, w, 1, C] of a convolution with 'same' padding that makes a BiasMap's values [H, W, C] out of an image
 * [H, W, 1] of ones. At the border some of its taps see the zeros around the image, which is how it tells places apart.
 * The caller disposes it.
 */
export function kernelOfBiasMap(layer: BiasMap): tf.Tensor4D {
  return tf.tidy(() => {
    const map = layer.weights[0].read() as tf.Tensor3D;
    const down = tf.einsum('ir,rsc->isc', tf.tensor2d(tapsOf(layer.rows)), map);
    return tf.einsum('js,isc->ijc', tf.tensor2d(tapsOf(layer.columns)), down).expandDims(2);
  });
}

/**
 * What each tap of a window over an axis takes of each stored row, [taps, rows]. With f(h) the value at place h of n, m
 * the middle, and [..] 1 where a tap lies inside the image and 0 where not,
 *
 * f(h) = f(0) + f(n - 1) - f(m) + sum_{0 < i <= m} (f(i) - f(i - 1)) [h - i >= 0] + sum_{m < i < n} (f(i - 1) - f(i))
 * [h + n - i < n].
 *
 * Values differ near the border alone, so that few of the differences are not 0.
 */
function tapsOf(rows: readonly number[]): number[][] {
  const n = rows.length;
  const middle = Math.floor(n / 2);
  const changes = rows.flatMap((row, i) => (i > 0 && row !== rows[i - 1] ? [i] : []));
  const offset = (i: number): number => (i <= middle ? -i : n - i);
  const reach = Math.max(0, ...changes.map((i) => Math.abs(offset(i))));
  const taps = Array.from({ length: 2 * reach + 1 }, () => Array<number>(Math.max(...rows) + 1).fill(0));
  const take = (tap: number, place: number, share: number): void => void (taps[reach + tap][rows[place]] += share);
  take(0, 0, 1);
  take(0, n - 1, 1);
  take(0, middle, -1);
  for (const i of changes) {
    const sign = i <= middle ? 1 : -1;
    take(offset(i), i, sign);
    take(offset(i), i - 1, -sign);
  }
  return taps;
}
