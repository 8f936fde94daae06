// The library in a browser (the npm package's `sparsebook/browser`), as one ES module with TensorFlow.js in it.
import { dirname, mkdirSync, writeFileSync } from '#platform';

export * as tf from '@tensorflow/tfjs';
export * from './index.js';

/**
 * Puts files where cells and the library find them: bytes by path. Relative paths begin where a notebook's do, such as
 * `outputs/01-l0-googlenet/sweep-synthetic.json`; data sets and runs lie in `/sparsebook/data`.
 */
export function mount(files: Readonly<Record<string, Uint8Array>>): void {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}
