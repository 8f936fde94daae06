// Programs: recorded computations in shared memory, which each thread can run by itself.
import type * as tf from '@tensorflow/tfjs';
import { MAX_ARGUMENTS, MAX_CHUNKS, type Kernel, type RunOptions } from './job.js';
import type { Values } from './tensorData.js';

/** A kernel with its arguments; without items it is called with the arguments alone. */
export interface KernelStep {
  name: string;
  args: readonly number[];
  items?: number;
  options?: RunOptions;
}

/** A tensor of a recorded computation: access to its values at every pass. */
export interface Place {
  shape: number[];
  dtype: tf.DataType;
  read(): Values;
  write(values: Values): void;
}

/** A part of a recorded computation; has a job if it is a kernel of the pool. */
export interface Step {
  again: () => void;
  job?: KernelStep;
}

/** A computation that can be repeated without tfjs: write the inputs, do the steps, read the outputs. */
export interface Recorded {
  inputs: Place[];
  outputs: Place[];
  steps: readonly Step[];
  /** Frees its memory. */
  dispose(): void;
}

/** The arguments of a program's runner that are not addresses of values. */
const OWN_ARGUMENTS = 3;

/** Whether kernels do the whole computation, its inputs and outputs are floats, and there are few enough of them. */
export function isProgram({ inputs, outputs, steps }: Recorded): boolean {
  const places = [...inputs, ...outputs];
  return (
    steps.every(({ job }) => job) &&
    places.every(({ dtype }) => dtype === 'float32') &&
    places.length <= MAX_ARGUMENTS - OWN_ARGUMENTS
  );
}

/**
 * Encodes a computation as numbers: [address, floats] of each input and output, then [kernel, number of arguments,
 * items, chunks, arguments] of each step.
 */
export function encodeProgram({ inputs, outputs, steps }: Recorded, kernels: readonly string[]): number[] {
  const places = [...inputs, ...outputs].map((place) => place.read() as Float32Array);
  const jobs = steps.map(({ job }) => job!).filter(({ items }) => items !== 0);
  return [
    ...places.flatMap(({ byteOffset, length }) => [byteOffset, length]),
    ...jobs.flatMap(({ name, args, items, options }) => {
      // Sums keep their chunks, so that they are added in the same order as in any other pass.
      const chunks = items === undefined ? 0 : Math.min(items, options?.chunks ?? 1, MAX_CHUNKS);
      return [kernels.indexOf(name), args.length, items ?? 0, chunks, ...args];
    }),
  ];
}

/**
 * Returns the kernel that runs programs in a thread. Its arguments: [address of the first program, bytes of each,
 * number of inputs, addresses of the values of all inputs and outputs]. Items are passes, and each chunk has its own
 * program.
 */
export function programRunner(memory: WebAssembly.Memory, kernels: readonly Kernel[]): Kernel {
  const floats = (at: number, n: number): Float32Array => new Float32Array(memory.buffer, at, n);
  return (...call) => {
    const [block, bytes, inputs, ...rest] = call;
    const [begin, end, chunk, scratch] = rest.splice(-4);
    const words = new Float64Array(memory.buffer, block + chunk * bytes, bytes / 8);
    const steps = decoded(words.subarray(2 * rest.length), kernels, scratch);
    for (let pass = begin; pass < end; pass++) {
      const places = rest.map((values, i) => {
        const [at, n] = words.subarray(2 * i, 2 * i + 2);
        return { inside: floats(at, n), outside: floats(values + pass * n * 4, n) };
      });
      for (const { inside, outside } of places.slice(0, inputs)) inside.set(outside);
      for (const step of steps) step.kernel(...step.args);
      for (const { inside, outside } of places.slice(inputs)) outside.set(inside);
    }
  };
}

function decoded(
  words: Float64Array,
  kernels: readonly Kernel[],
  scratch: number,
): { kernel: Kernel; args: number[] }[] {
  const calls: { kernel: Kernel; args: number[] }[] = [];
  for (let at = 0; at < words.length;) {
    const [number, count, items, chunks] = words.subarray(at, at + 4);
    const args = [...words.subarray(at + 4, at + 4 + count)];
    const kernel = kernels[number];
    if (chunks === 0) calls.push({ kernel, args });
    for (let c = 0; c < chunks; c++) {
      const [from, to] = [c, c + 1].map((part) => Math.floor((items * part) / chunks));
      calls.push({ kernel, args: [...args, from, to, c, scratch] });
    }
    at += 4 + count;
  }
  return calls;
}
