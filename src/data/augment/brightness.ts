import type { Augmentation } from './augmentation.js';

/** Adds one number, uniform in -most..most, to all values (TensorFlow's random_brightness; nothing is clipped). */
export function randomBrightness(most = 63): Augmentation {
  return (image, random) => {
    const step = most * (2 * random.next() - 1);
    for (let i = 0; i < image.length; i++) image[i] += step;
  };
}
