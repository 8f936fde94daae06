/** A pair of test accuracies, between 0 and 1, that was reported for C3(32) on CIFAR-10. */
export interface PublishedRepr {
  who: string;
  standard: number;
  repr: number;
}

/** What was reported of C3(32): the paper, and the RePr project's two settings. One run each; how many the paper does not say. */
export const publishedRepr: readonly PublishedRepr[] = [
  { who: 'paper', standard: 0.721, repr: 0.764 },
  { who: 'RePr project, crop, lr 0.01', standard: 0.7784, repr: 0.7448 },
  { who: 'RePr project, no crop, lr 0.003', standard: 0.6486, repr: 0.6905 },
];
