import { Job, SPINS, Word, type Kernel } from './job.js';
import { programRunner } from './program.js';

/** Instantiates the kernels on a memory, in the same order in every thread; `wide` lets them use tiles for 256 bits. */
export function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  wide: boolean,
): Record<string, Kernel> {
  const abort = (): never => {
    throw new Error('a simd kernel aborted');
  };
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort } });
  const functions = Object.entries(exports).filter(([, value]) => typeof value === 'function');
  const kernels = Object.fromEntries(functions) as Record<string, Kernel>;
  kernels.setWide(Number(wide));
  kernels.runProgram = programRunner(memory, Object.values(kernels));
  return kernels;
}

/** The data that a thread is started with. */
export interface ThreadData {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  buffer: ArrayBufferLike;
  wide: boolean;
  thread: number;
}

/** The main loop of a thread: works on each job as it comes, then waits for the next one. */
export function work({ module, memory, buffer, wide, thread }: ThreadData): never {
  const kernels = Object.values(instantiate(module, memory, wide));
  const job = new Job(buffer, thread);
  const { words } = job;
  for (let ticket = Atomics.load(words, Word.ticket); ; ticket = job.work(kernels)) {
    for (let spins = 0; Atomics.load(words, Word.ticket) === ticket; spins++) {
      if (spins > SPINS) Atomics.wait(words, Word.ticket, ticket);
    }
  }
}
