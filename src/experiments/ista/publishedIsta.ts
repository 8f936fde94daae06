/** A version as the project on ISTA published it, from one run each. */
export interface PublishedIsta {
  stage: string;
  /** Its own count, running statistics included. */
  parameters: number;
  /** Accuracy from 0 to 1, and cross-entropy, on the test images that its evaluation sees. */
  test: number;
  loss: number;
  images: number;
}

/** ResNet-20 on CIFAR-10 by the project's README. Its evaluation script stops after half of the 10,000 test images. */
export const publishedIsta: readonly PublishedIsta[] = [
  { stage: 'compact', parameters: 177_164, test: 0.9116, loss: 0.2654, images: 5000 },
  { stage: 'fine-tuned', parameters: 177_164, test: 0.906, loss: 0.3259, images: 5000 },
];
