// Runs in a Web Worker of a page.
import * as sparsebook from 'sparsebook/browser';
import type { Job } from 'sparsebook/backend/simd/job.js';
import type { SimdBackend } from 'sparsebook/backend/simd/simdBackend.js';
import { trainNarrow, type Trained } from './narrowGoogleNet.ts';

/** The reply to the page: what was trained, and whether another thread works too, or an error. */
export type Answer = { error: string } | (Trained & { helped: boolean });

declare const addEventListener: (type: 'message', listener: (event: { data: number }) => void) => void;
declare const postMessage: (answer: Answer) => void;

/** The private parts of a pool that are used here. */
interface Inside {
  job: Pick<Job, 'words' | 'publish'>;
  numbers: Map<string, number>;
}

/** Whether another thread does a job that this thread leaves alone. */
async function isHelped(): Promise<boolean> {
  const { pool, heap, zeros } = sparsebook.tf.backend() as SimdBackend;
  if (pool.threads === 1) return false;
  const { job, numbers } = pool as unknown as Inside;
  const [items, done] = [4, 1];
  const step = { kernel: numbers.get('fillRows')!, args: [zeros, heap.allocate(16 * items), 16, 4, 0], share: 1 };
  job.publish([step], { units: items, chunks: items, depth: 1 });
  while (Atomics.load(job.words, done) < items) await new Promise((resolve) => setTimeout(resolve, 10));
  return true;
}

addEventListener('message', ({ data: threads }) => {
  trainNarrow(sparsebook, threads).then(
    async (trained) => postMessage({ ...trained, helped: await isHelped() }),
    (error: Error) => postMessage({ error: error.stack ?? error.message }),
  );
});
