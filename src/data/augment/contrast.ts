import type { Augmentation } from './augmentation.js';

/** Stretches each colour's distance from its mean over the picture: x <- (x - mean) factor + mean, in place. */
export function changeContrast(image: Float32Array, factor: number): void {
  for (let k = 0; k < 3; k++) {
    let sum = 0;
    for (let i = k; i < image.length; i += 3) sum += image[i];
    const mean = sum / (image.length / 3);
    for (let i = k; i < image.length; i += 3) image[i] = (image[i] - mean) * factor + mean;
  }
}

/** Changes the contrast by a factor that is uniform in low..high (TensorFlow's random_contrast; nothing is clipped). */
export function randomContrast(low = 0.2, high = 1.8): Augmentation {
  return (image, random) => changeContrast(image, low + (high - low) * random.next());
}
