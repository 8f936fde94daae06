import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as sparsebook from 'sparsebook/browser.js';
import { contestant, type Answer, type Job } from './contestant.ts';

declare const location: { origin: string };
declare const addEventListener: (type: 'message', listener: (event: { data: Job }) => Promise<void>) => void;
declare const postMessage: (answer: Answer) => void;

const answer = contestant(sparsebook, async ({ backend, threads }) => {
  setWasmPaths(`${location.origin}/wasm/`);
  setThreadsCount(threads);
  await sparsebook.tf.setBackend(backend);
});
addEventListener('message', async ({ data }) => postMessage(await answer(data)));
