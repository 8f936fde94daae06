/** The words of the control block. A ticket is (number of the job << 12 | next chunk). */
export const enum Word {
  ticket,
  done,
  steps,
  chunks,
  units,
  depth,
  scratch,
  scratchStride,
  failed,
}

const CHUNK_BITS = 12;
/** How often a thread polls before it sleeps: about a tenth of a millisecond. */
export const SPINS = 100_000;
/** The chunk number that no thread may take: threads see it while the next job is being written. */
const CLOSED = (1 << CHUNK_BITS) - 1;
export const MAX_CHUNKS = CLOSED - 1;
export const MAX_ARGUMENTS = 48;
/** The most numbers that the steps of a job may take: enough for twenty kernels with all arguments. */
const MAX_NUMBERS = 1024;
/** Added to a chunk's number when a kernel continues a chunk that it began: see kernels/vector.ts. */
const CONTINUED = 1 << 16;

/** A wasm function; numbers are pointers, counts or plain floats. */
export type Kernel = (...args: number[]) => number | void;

/** How the items of a kernel are cut into chunks for the threads. */
export interface RunOptions {
  /**
   * The number of chunks; set it if a result depends on it (sums), so that it is the same for any number of threads.
   */
  chunks?: number;
  /** The fewest items worth their own chunk. Default 1. */
  grain?: number;
  /** Bytes of private memory that each thread needs. */
  scratch?: number;
  /**
   * The number of images, which have equally many items, if the computation for one image needs no other image: see
   * `together`. Chunks are then whole images.
   */
  images?: number;
  /** Whether the kernel reads nothing that other kernels of the same `together` write. */
  apart?: boolean;
}

/** The work of one kernel for each unit of a job: `share` of its items. */
export interface Step {
  kernel: number;
  args: readonly number[];
  share: number;
  /**
   * Arguments that are offsets into a thread's private memory, and their bytes per unit: that memory holds only the
   * units that the thread is working on.
   */
  moving?: readonly { argument: number; bytes: number }[];
}

/**
 * Units of work, cut into chunks for the threads; a chunk is worked through `depth` units at a time, each time through
 * all steps.
 */
export interface Extent {
  units: number;
  chunks: number;
  depth: number;
}

/** How many numbers a step takes in a job. */
export const stepSize = ({ args, moving = [] }: Step): number => 4 + args.length + 2 * moving.length;
/** Whether steps of this many numbers fit in a job, with space for a few more steps that make their inputs. */
export const fitsJob = (numbers: number): boolean => numbers + 4 * MAX_ARGUMENTS <= MAX_NUMBERS;

/**
 * The job that all threads work on, in shared memory: its kernels, their arguments, and a ticket from which each thread
 * takes the next chunk. A thread that comes late finds no chunk left and does nothing; no thread waits for it.
 */
export class Job {
  readonly words: Int32Array;
  private readonly args: Float64Array;
  private steps: {
    kernel: number;
    share: number;
    call: number[];
    moving: [at: number, base: number, bytes: number][];
  }[] = [];
  private known = -1;

  constructor(
    // A page that is not cross-origin isolated has no SharedArrayBuffer constructor, only the buffer of a WebAssembly
    // memory.
    readonly buffer: ArrayBufferLike = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer,
    private readonly thread = 0,
  ) {
    this.words = new Int32Array(buffer, 0, 32);
    this.args = new Float64Array(buffer, 128, MAX_NUMBERS);
  }

  /** Describes a new job; the previous one must be finished. */
  publish(steps: readonly Step[], { units, chunks, depth }: Extent): void {
    const { words } = this;
    const number = (words[Word.ticket] >>> CHUNK_BITS) + 1;
    Atomics.store(words, Word.ticket, (number << CHUNK_BITS) | CLOSED);
    words[Word.steps] = steps.length;
    words[Word.units] = units;
    words[Word.chunks] = chunks;
    words[Word.depth] = depth;
    words[Word.failed] = 0;
    const numbers = steps.flatMap(({ kernel, args, share, moving = [] }) => [
      ...[kernel, share, args.length, moving.length, ...args],
      ...moving.flatMap(({ argument, bytes }) => [argument, bytes]),
    ]);
    this.args.set(numbers);
    Atomics.store(words, Word.done, 0);
    Atomics.store(words, Word.ticket, number << CHUNK_BITS);
    Atomics.notify(words, Word.ticket);
  }

  /** Takes and runs chunks of the current job until none is left. Returns the last ticket seen. */
  work(kernels: readonly Kernel[]): number {
    const { words } = this;
    for (;;) {
      const ticket = Atomics.load(words, Word.ticket);
      const chunk = ticket & CLOSED;
      const chunks = words[Word.chunks];
      if (chunk >= chunks) return ticket;
      if (ticket >>> CHUNK_BITS !== this.known) this.readSteps(ticket >>> CHUNK_BITS);
      // Succeeds only if the job is still the one whose arguments were read.
      if (Atomics.compareExchange(words, Word.ticket, ticket, ticket + 1) !== ticket) continue;
      this.run(kernels, chunk);
      if (Atomics.add(words, Word.done, 1) + 1 === words[Word.chunks]) Atomics.notify(words, Word.done);
    }
  }

  private readSteps(number: number): void {
    this.known = number;
    this.steps = [];
    const scratch = this.scratch();
    for (let i = 0, at = 0; i < this.words[Word.steps]; i++) {
      const [kernel, share, count, moved] = this.args.subarray(at, (at += 4));
      const call = [...this.args.subarray(at, (at += count)), 0, 0, 0, 0];
      // Values read while the next job is being written may be anything, but they are never used.
      const numbers = this.args.subarray(at, (at += 2 * moved));
      const moving: [number, number, number][] = [];
      for (let j = 0; j < numbers.length; j += 2) moving.push([numbers[j], scratch + call[numbers[j]], numbers[j + 1]]);
      this.steps.push({ kernel, share, call, moving });
    }
  }

  /** The address of this thread's private memory. */
  private scratch(): number {
    return (this.words[Word.scratch] >>> 0) + this.thread * this.words[Word.scratchStride];
  }

  private run(kernels: readonly Kernel[], chunk: number): void {
    const { words } = this;
    const [units, chunks, depth] = [words[Word.units], words[Word.chunks], words[Word.depth]];
    const [first, last] = [Math.floor((units * chunk) / chunks), Math.floor((units * (chunk + 1)) / chunks)];
    const scratch = this.scratch();
    try {
      for (let begin = first; begin < last; begin += depth) {
        const end = Math.min(begin + depth, last);
        for (const { kernel, share, call, moving } of this.steps) {
          const n = call.length;
          // May be below 0: wasm takes addresses modulo 2^32.
          for (const [at, base, bytes] of moving) call[at] = base - begin * bytes;
          call[n - 4] = begin * share;
          call[n - 3] = end * share;
          call[n - 2] = begin === first ? chunk : chunk + CONTINUED;
          call[n - 1] = scratch;
          kernels[kernel](...call);
        }
      }
    } catch {
      Atomics.store(words, Word.failed, 1);
    }
  }
}
