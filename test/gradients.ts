// Compares gradients from tf with central differences.
import * as tf from '@tensorflow/tfjs';
import { assertClose } from './goldens.ts';

/**
 * Asserts that the gradient of f at x is (f(x + h e) - f(x - h e)) / 2h for every entry e, within `tolerance` of the
 * largest difference. f is computed in float32, so h and the tolerance cannot be small.
 */
export function assertGradient(
  f: (x: tf.Tensor) => tf.Scalar,
  x: tf.Tensor,
  what: string,
  { h = 1e-2, tolerance = 1e-2 }: { h?: number; tolerance?: number } = {},
): void {
  const values = x.dataSync<'float32'>();
  const at = (i: number, step: number): number => {
    const moved = Float32Array.from(values);
    moved[i] += step;
    return f(tf.tensor(moved, x.shape)).dataSync()[0];
  };
  const differences = Array.from(values, (_, i) => (at(i, h) - at(i, -h)) / (2 * h));
  const scale = Math.max(...differences.map(Math.abs));
  assertClose(tf.grad(f)(x).dataSync(), differences, { absolute: tolerance * scale }, what);
}
