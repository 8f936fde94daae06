import type { IstaLogEntry } from './istaRun.js';

/** A line of the project's log: step 100, loss = 0.59, group lasso = 29.12, fake sparsity = 0.34, (...). */
export function istaLogLine(entry: IstaLogEntry): string {
  const { step, loss, groupLasso, fakeSparsity, imagesPerSecond, secondsPerBatch } = entry;
  return (
    `step ${step}, loss = ${loss.toFixed(2)}, group lasso = ${groupLasso.toFixed(2)}, ` +
    `fake sparsity = ${fakeSparsity.toFixed(2)}, ` +
    `(${imagesPerSecond.toFixed(1)} examples/sec; ${secondsPerBatch.toFixed(3)} sec/batch)`
  );
}
