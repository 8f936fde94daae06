import type { Random } from '../../backend/random.js';

/** Where an augmentation takes its random choices from. */
export type Draws = Pick<Random, 'next' | 'integer'>;

/**
 * Changes one picture in place: [32, 32, 3] values in 0..255 (flat, rows first), with all chance drawn from `random`.
 * Augmentations run in the order in which they are listed.
 */
export type Augmentation = (image: Float32Array, random: Draws) => void;
