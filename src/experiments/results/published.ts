import { headingOf, percent, recordTable, type ResultRow, type SomeRecord } from './tables.js';

/** A row of the L0 project's table; shares are between 0 and 1. */
export interface PublishedL0 {
  run: string;
  validation: number;
  test: number;
  /** By the project's own count. */
  sparsity: number;
}

const row = (run: string, validation: number, test: number, sparsity: number): PublishedL0 => ({
  run,
  validation: validation / 100,
  test: test / 100,
  sparsity,
});

/** The L0 project's table: CIFAR-10, full width, up to 180 epochs, one run each. */
export const publishedL0: readonly PublishedL0[] = [
  row('no gates', 90.12, 89.57, 0),
  row('scratch 0.25', 88.66, 87.87, 0.06),
  row('tune 10', 90.44, 90.0, 0.1),
  row('scratch 0.5', 86.9, 86.56, 0.22),
  row('tune 20', 88.8, 88.62, 0.39),
  row('scratch 1', 83.2, 82.79, 0.55),
  row('tune 30', 86.5, 85.88, 0.64),
  row('tune 50', 80.78, 80.22, 0.815),
];

/**
 * ResNet-20 on CIFAR-10 by the ISTA project's README, one run each: its own count of parameters, running statistics
 * included; accuracy from 0 to 1. Its evaluation script stops after half of the 10,000 test images.
 */
export const publishedIsta = [
  { stage: 'compact', parameters: 177_164, test: 0.9116, loss: 0.2654, images: 5000 },
  { stage: 'fine-tuned', parameters: 177_164, test: 0.906, loss: 0.3259, images: 5000 },
] as const;

/**
 * The reported accuracies of C3(32): those of the paper, which does not say how many runs it made, and those of the
 * RePr project, one run for each of two settings.
 */
export const publishedRepr = [
  { who: 'paper', standard: 0.721, repr: 0.764 },
  { who: 'RePr project, crop, lr 0.01', standard: 0.7784, repr: 0.7448 },
  { who: 'RePr project, no crop, lr 0.003', standard: 0.6486, repr: 0.6905 },
] as const;

/**
 * The L0 project's table and ours, one row per published run: "theirs / ours", where ours is the mean over runs of that
 * name, or a dash if `records` has none. Both sparsities are by the project's own count.
 */
export function besidePublished(records: readonly SomeRecord[]): ResultRow[] {
  const pairs = ['validation.accuracy', 'test.accuracy', 'sparsity.published'];
  const sizes = ['sparsity.complete', 'parameters.left', 'multiply_adds.left'];
  const ours = recordTable(records, [...pairs, ...sizes]);
  return publishedL0.map(({ run, validation, test, sparsity }) => {
    const row = ours.find((each) => each.run === run);
    const own = (number: string): string | number | null => row?.[headingOf(number)] ?? null;
    const beside = [validation, test, sparsity].map((theirs, i) => `${percent(theirs)} / ${own(pairs[i]) ?? '–'}`);
    return {
      run,
      n: records.filter(({ name }) => name === run).length,
      ...Object.fromEntries(pairs.map((number, i) => [headingOf(number), beside[i]])),
      ...Object.fromEntries(sizes.map((number) => [headingOf(number), own(number)])),
    };
  });
}
