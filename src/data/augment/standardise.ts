import type { Normalise } from './normalise.js';

/**
 * x <- (x - mean) / max(std, 1 / sqrt(n)), over all n values of the one picture: TensorFlow's
 * per_image_standardization. A picture of one colour value becomes 0.
 */
export const standardise: Normalise = (image) => {
  const n = image.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += image[i];
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (image[i] - mean) ** 2;
  const scale = 1 / Math.max(Math.sqrt(squares / n), 1 / Math.sqrt(n));
  for (let i = 0; i < n; i++) image[i] = (image[i] - mean) * scale;
};
