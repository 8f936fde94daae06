import * as tf from '@tensorflow/tfjs';
import { encodeProgram, isProgram, type Place, type Recorded, type Step } from './program.js';
import { Constants } from './recording.js';
import type { SimdBackend } from './simdBackend.js';

/** The most passes of each program in one job: a thread that stays silent for long is considered dead. */
const PASSES = 16;

/** For up to FEW images, jobs may be too small to be worth sharing: both ways are timed TRIALS times. */
const FEW = 4;
const TRIALS = 8;

/** How many images one pass computes. */
export interface PassSizes {
  /** If all threads work on each kernel together. */
  together: number;
  /** If each thread takes its own images through all kernels; undefined if none should. */
  apart?: number;
  /** How many images are usually given. */
  images: number;
}

/** The number of values of one image, or of its result. */
export const sizeOf = ({ shape }: Place): number => tf.util.sizeFromShape(shape.slice(1));

/**
 * A recorded computation for any number of images, `atOnce` in each pass; the last pass is padded with zeros. Threads
 * work on each kernel together, or apart, each with its own program and memory: intermediate values then stay in a
 * core's cache, and no thread waits for another.
 */
export class Plan {
  readonly inputs: Place[];
  readonly outputs: Place[];
  readonly atOnce: number;
  private readonly constants: Constants;
  private readonly recorded: Recorded[] = [];
  private readonly steps: (() => void)[] = [];
  /** Where the programs are, and the bytes of each. */
  private readonly programs?: { block: number; bytes: number };

  /** `record` records the computation for some number of images; its errors are passed on. */
  constructor(
    private readonly backend: SimdBackend,
    record: (images: number, constants: Constants) => Recorded,
    { together, apart, images }: PassSizes,
  ) {
    this.constants = new Constants(backend.heap);
    try {
      const add = (size: number): Recorded => this.recorded[this.recorded.push(record(size, this.constants)) - 1];
      // The cpu backend's kernels run in this thread only.
      if (apart !== undefined && !isProgram(add(apart))) this.recorded.pop()!.dispose();
      if (this.recorded.length === 0) add(together);
      else {
        const threads = Math.min(backend.pool.threads, Math.ceil(images / apart!));
        while (this.recorded.length < threads) add(apart!);
      }
      const [{ inputs, outputs, steps }] = this.recorded;
      [this.inputs, this.outputs, this.atOnce] = [inputs, outputs, inputs[0].shape[0]];
      if (this.recorded.length > 1) this.programs = this.writePrograms();
      else this.steps = steps.map((step) => (this.atOnce <= FEW ? this.quickest(step) : step.again));
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** How many images the passes of all threads compute at the same time. */
  get inFlight(): number {
    return this.atOnce * this.recorded.length;
  }

  /** Computes the outputs of some images: each input and output is one array that holds all images. */
  run(inputs: tf.TypedArray[], outputs: tf.TypedArray[]): void {
    const passes = Math.ceil(inputs[0].length / sizeOf(this.inputs[0]) / this.atOnce);
    if (this.programs) return this.runPrograms(this.programs, inputs, outputs, passes);
    for (let pass = 0; pass < passes; pass++) {
      inputs.forEach((values, i) => this.inputs[i].write(imagesOf(values, pass, this.inputs[i])));
      for (const step of this.steps) step();
      outputs.forEach((values, i) => {
        const made = this.outputs[i].read() as Float32Array;
        values.set(made.subarray(0, values.length - pass * made.length), pass * made.length);
      });
    }
  }

  dispose(): void {
    if (this.programs) this.backend.heap.free(this.programs.block);
    for (const recorded of this.recorded) recorded.dispose();
    this.constants.dispose();
  }

  /** Returns a step that runs in all threads or only in this one, whichever is faster. */
  private quickest({ again, job }: Step): () => void {
    const { pool } = this.backend;
    if (job?.items === undefined || job.options?.chunks !== undefined || pool.threads === 1) return again;
    const { name, items, args, options } = job;
    const alone = (): void => pool.run(name, items, args, { ...options, chunks: 1 });
    const [together, single] = [again, alone].map((way) => {
      const times = Array.from({ length: TRIALS }, () => {
        const began = performance.now();
        way();
        return performance.now() - began;
      });
      return Math.min(...times);
    });
    return single < together ? alone : again;
  }

  private writePrograms(): { block: number; bytes: number } {
    const programs = this.recorded.map((recorded) => encodeProgram(recorded, Object.keys(this.backend.pool.kernels)));
    const bytes = 8 * programs[0].length;
    const block = this.backend.heap.allocate(bytes * programs.length);
    programs.forEach((words, i) => {
      new Float64Array(this.backend.heap.memory.buffer, block + i * bytes, words.length).set(words);
    });
    return { block, bytes };
  }

  private runPrograms(
    { block, bytes }: { block: number; bytes: number },
    inputs: tf.TypedArray[],
    outputs: tf.TypedArray[],
    passes: number,
  ): void {
    const { heap, pool } = this.backend;
    const sizes = [...this.inputs, ...this.outputs].map(({ shape }) => tf.util.sizeFromShape(shape));
    const most = Math.min(passes, PASSES * this.recorded.length);
    const starts = sizes.map((_, i) => 4 * most * sizes.slice(0, i).reduce((a, b) => a + b, 0));
    const scratch = Math.max(0, ...this.recorded[0].steps.map(({ job }) => job?.options?.scratch ?? 0));
    this.backend.withBlock(4 * most * sizes.reduce((a, b) => a + b), (staged) => {
      const all = sizes.map((n, i) => heap.floats(staged + starts[i], most * n));
      const args = [block, bytes, inputs.length, ...starts.map((start) => staged + start)];
      for (let pass = 0; pass < passes; pass += most) {
        inputs.forEach((values, i) => {
          const some = values.subarray(pass * sizes[i], (pass + most) * sizes[i]);
          all[i].fill(0, some.length).set(some);
        });
        pool.run('runProgram', Math.min(most, passes - pass), args, { chunks: this.recorded.length, scratch });
        outputs.forEach((values, i) => {
          const from = pass * sizes[inputs.length + i];
          values.set(all[inputs.length + i].subarray(0, values.length - from), from);
        });
      }
    });
  }
}

/** Returns the values of the images of one pass, in the dtype of their place. */
function imagesOf(values: tf.TypedArray, pass: number, place: Place): tf.TypedArray {
  const n = tf.util.sizeFromShape(place.shape);
  const some = values.subarray(pass * n, (pass + 1) * n);
  if (some.length === n && place.dtype === 'float32') return some;
  const whole = tf.util.getArrayFromDType(place.dtype, n) as Float32Array;
  whole.set(some);
  return whole;
}
