import { UserError } from '../errors.js';

/** What every network can be asked for. */
export interface NetworkOptions {
  /** Every number of channels is multiplied by this and rounded, to at least 1. Default 1. */
  widthMultiplier?: number;
  /** Default 10. */
  classes?: number;
  /** Decides all start values. Default 0. */
  seed?: number;
}

/**
 * The options with their defaults, and `scaled`, which turns a width of the full network into one of this network.
 * Throws a UserError for options out of range.
 */
export function networkOptions({ widthMultiplier = 1, classes = 10, seed = 0 }: NetworkOptions): {
  scaled: (width: number) => number;
  classes: number;
  seed: number;
} {
  if (!(widthMultiplier > 0)) throw new UserError(`widthMultiplier must be positive, got ${widthMultiplier}`);
  if (!Number.isInteger(classes) || classes < 1) {
    throw new UserError(`classes is a whole number of at least 1, got ${classes}`);
  }
  return { scaled: (width) => Math.max(1, Math.round(width * widthMultiplier)), classes, seed };
}
