// Runs in a Web Worker of a page.
import * as sparsebook from 'sparsebook/browser';
import { trainNarrow, type Trained } from './narrowGoogleNet.ts';

/** What the page is told: what was trained, with the threads that lived to the end, or why not. */
export type Answer = { error: string } | (Trained & { alive: number });

declare const addEventListener: (type: 'message', listener: (event: { data: number }) => void) => void;
declare const postMessage: (answer: Answer) => void;

addEventListener('message', ({ data: threads }) => {
  trainNarrow(sparsebook, threads).then(
    (trained) => {
      const { pool } = sparsebook.tf.backend() as unknown as { pool: { threads: number } };
      postMessage({ ...trained, alive: pool.threads });
    },
    (error: Error) => postMessage({ error: error.stack ?? error.message }),
  );
});
