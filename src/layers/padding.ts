import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';

/**
 * How an image's border is padded: TensorFlow's 'same' and 'valid', PyTorch's one number for all four sides, or
 * [[top, bottom], [left, right]].
 */
export type Padding = 'same' | 'valid' | number | [[number, number], [number, number]];

type TfPadding = 'same' | 'valid' | number | [[number, number], [number, number], [number, number], [number, number]];

/** Returns the padding in the form that tf.conv2d and tf.maxPool take for [N, H, W, C]. */
export function tfPadding(padding: Padding): TfPadding {
  return Array.isArray(padding) ? [[0, 0], ...padding, [0, 0]] : padding;
}

/**
 * Returns the height and width of a square window's output for [N, H, W, C]; unknown sides (null) stay unknown. Throws
 * a UserError if the window does not fit.
 */
export function outputSides(shape: tf.Shape, window: number, stride: number, padding: Padding): (number | null)[] {
  return ([0, 1] as const).map((axis) => {
    const input = shape[1 + axis];
    if (input === null) return null;
    const [before, after] = bordersOf(input, window, stride, padding, axis);
    const length = Math.floor((input + before + after - window) / stride) + 1;
    if (length >= 1) return length;
    throw new UserError(
      `A window must fit into its input; received a window of ${window}, an input of ${input} and padding ${JSON.stringify(padding)}. Enlarge the input or the padding.`,
    );
  });
}

/**
 * Throws a UserError that names the layer for an invalid padding, and for one of `most` or more, where a window could
 * cover nothing but border and have no value.
 */
export function checkPadding(padding: Padding, layer: string, most = Infinity): void {
  const isSide = (n: unknown): boolean => Number.isInteger(n) && (n as number) >= 0 && (n as number) < most;
  const isPair = (sides: unknown): boolean => Array.isArray(sides) && sides.length === 2 && sides.every(isSide);
  const isBorder = (given: unknown): boolean => Array.isArray(given) && given.length === 2 && given.every(isPair);
  if (padding === 'same' || padding === 'valid' || isSide(padding) || isBorder(padding)) return;
  const below = most === Infinity ? '' : `, each below the window's ${most}`;
  throw new UserError(
    `${layer}: padding must be 'same', 'valid', a whole number or [[top, bottom], [left, right]]${below}; received ` +
      `${JSON.stringify(padding)}.`,
  );
}

/** Returns the border before and after the input along one axis, in values; the input's side must be known. */
export function bordersOf(
  input: number,
  window: number,
  stride: number,
  padding: Padding,
  axis: 0 | 1,
): [before: number, after: number] {
  if (padding === 'valid') return [0, 0];
  if (typeof padding === 'number') return [padding, padding];
  if (padding !== 'same') return padding[axis];
  const both = Math.max(0, (Math.ceil(input / stride) - 1) * stride + window - input);
  return [Math.floor(both / 2), Math.ceil(both / 2)];
}
