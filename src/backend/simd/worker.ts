import { workerData } from 'node:worker_threads';
import { Job, SPINS, Word, type Kernel } from './job.js';
import { instantiate } from './wasm.js';

/** What a worker is started with. */
export interface WorkerData {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  buffer: SharedArrayBuffer;
  wide: boolean;
  thread: number;
}

const { module, memory, buffer, wide, thread } = workerData as WorkerData;
const kernels: Kernel[] = Object.values(instantiate(module, memory, wide));
const job = new Job(buffer, thread);
const { words } = job;
for (let ticket = Atomics.load(words, Word.ticket); Atomics.load(words, Word.stop) === 0;) {
  let spins = 0;
  while (Atomics.load(words, Word.ticket) === ticket) {
    if (++spins > SPINS) {
      Atomics.wait(words, Word.ticket, ticket);
      spins = 0;
    }
  }
  ticket = job.work(kernels);
}
