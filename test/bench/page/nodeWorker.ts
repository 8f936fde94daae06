import { parentPort } from 'node:worker_threads';
import * as sparsebook from 'sparsebook/browser.js';
import { contestant, type Job } from './contestant.ts';

const answer = contestant(sparsebook, ({ backend }) => sparsebook.tf.setBackend(backend));
parentPort!.on('message', async (job: Job) => parentPort!.postMessage(await answer(job)));
