/** A row of the L0 project's table; shares are between 0 and 1. */
export interface PublishedResult {
  run: string;
  validation: number;
  test: number;
  /** By the project's own count. */
  sparsity: number;
}

const row = (run: string, validation: number, test: number, sparsity: number): PublishedResult => ({
  run,
  validation: validation / 100,
  test: test / 100,
  sparsity,
});

/** The L0 project's table: CIFAR-10, full width, up to 180 epochs, one run each. */
export const publishedResults: readonly PublishedResult[] = [
  row('no gates', 90.12, 89.57, 0),
  row('scratch 0.25', 88.66, 87.87, 0.06),
  row('tune 10', 90.44, 90.0, 0.1),
  row('scratch 0.5', 86.9, 86.56, 0.22),
  row('tune 20', 88.8, 88.62, 0.39),
  row('scratch 1', 83.2, 82.79, 0.55),
  row('tune 30', 86.5, 85.88, 0.64),
  row('tune 50', 80.78, 80.22, 0.815),
];
