// The library of a notebook in a browser (`sparsebook/browser`): all of `sparsebook`, and what else a page that runs
// cells needs.
import { installInterruptHook } from './notebook/kernel/interrupt.js';

export * from './browserLibrary.js';
export * from './notebook.js';
export { showIn, type CellRunner } from './notebook/display/output.js';
export { tableResult } from './notebook/display/table.js';

/** Aborts the signals of `interruptSignal`, as a page's Stop does. */
export const interrupt: () => void = installInterruptHook();
