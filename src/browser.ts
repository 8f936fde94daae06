// The library in a browser (`sparsebook/browser`): all of `sparsebook`, and what a page that runs cells needs besides.
import { dirname, mkdirSync, writeFileSync } from '#platform';
import { installInterruptHook } from './notebook/kernel/interrupt.js';

export * as tf from '@tensorflow/tfjs';
export * from './index.js';
export { showIn, type CellRunner } from './notebook/display/output.js';

/** Aborts the signals of `interruptSignal`: what a page's Stop does. */
export const interrupt: () => void = installInterruptHook();

/**
 * Puts files where cells and the library find them: bytes by path. Relative paths begin where a notebook's do, such as
 * `outputs/01-l0-googlenet/results.json`; data sets lie in `/sparsebook/data`.
 */
export function mount(files: Readonly<Record<string, Uint8Array>>): void {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}
