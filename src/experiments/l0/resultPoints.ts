/** A result as a point of accuracy against sparsity; shares are between 0 and 1. */
export interface ResultPoint {
  label: string;
  sparsity: number;
  accuracy: number;
  /** How the run began; undefined without gates. */
  group?: string;
}

/** Runs as points of test accuracy against sparsity, those that began in the same way in one group: L0Result or published ones. */
export function resultPoints(results: readonly { run: string; sparsity: number; test: number }[]): ResultPoint[] {
  const group = (run: string): string | undefined => {
    if (run.startsWith('scratch')) return 'gates from scratch';
    return run.startsWith('tune') || run.startsWith('target') ? 'a trained network, fine-tuned with gates' : undefined;
  };
  return results.map(({ run, sparsity, test }) => ({ label: run, sparsity, accuracy: test, group: group(run) }));
}
