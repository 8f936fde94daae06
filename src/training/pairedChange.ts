import { UserError } from '../errors.js';

/** How a network's answers to the same images changed. Shares are of all images. */
export interface PairedChange {
  images: number;
  /** Images that were wrong before and are right now, and the other way round. */
  gained: number;
  lost: number;
  /** Change of the accuracy, (gained - lost) / images. */
  change: number;
  /** Its standard error, by the images whose answers changed: sqrt(gained + lost - (gained - lost)^2 / n) / n. */
  error: number;
}

/**
 * Compares two networks on the same images, image by image (McNemar 1947): far sharper than comparing two accuracies, since
 * images that both get right say nothing. `before` and `after` hold 1 for a right answer and 0 for a wrong one.
 *
 * Throws a UserError for lists of different lengths and for empty ones.
 */
export function pairedChange(before: Uint8Array, after: Uint8Array): PairedChange {
  const images = before.length;
  if (images === 0 || after.length !== images) {
    throw new UserError(`Answers are compared image by image; received ${images} and ${after.length} of them.`);
  }
  let [gained, lost] = [0, 0];
  before.forEach((right, i) => {
    gained += right === 0 && after[i] === 1 ? 1 : 0;
    lost += right === 1 && after[i] === 0 ? 1 : 0;
  });
  const spread = gained + lost - (gained - lost) ** 2 / images;
  return { images, gained, lost, change: (gained - lost) / images, error: Math.sqrt(spread) / images };
}
