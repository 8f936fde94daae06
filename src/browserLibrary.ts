// The library in a browser (the npm package's `sparsebook/browser`), as one ES module with TensorFlow.js in it.
import { dirname, mkdirSync, writeFileSync } from '#platform';

export * as tf from '@tensorflow/tfjs';
export * from './index.js';

/**
 * Writes files, given as bytes by path, where cells and the library find them. Relative paths start from the same
 * folder as a notebook's, such as `outputs/01-l0-googlenet/sweep-synthetic.json`; data sets and runs are in
 * `/sparsebook/data`.
 */
export function mount(files: Readonly<Record<string, Uint8Array>>): void {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}
