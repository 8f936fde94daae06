/** Where the words of the control block lie. A ticket is (number of the job << 12 | next chunk). */
export const enum Word {
  ticket,
  done,
  kernel,
  chunks,
  items,
  argumentCount,
  scratch,
  scratchStride,
  failed,
}

const CHUNK_BITS = 12;
/** How often a thread looks for news before it sleeps: about a tenth of a millisecond. */
export const SPINS = 100_000;
/** The chunk of a ticket that is not for sale: what threads see while the next job is written. */
const CLOSED = (1 << CHUNK_BITS) - 1;
export const MAX_CHUNKS = CLOSED - 1;
export const MAX_ARGUMENTS = 48;

/** A wasm function; numbers are pointers, counts or plain floats. */
export type Kernel = (...args: number[]) => number | void;

/**
 * The job that all threads work on, in memory that they share: which kernel, its arguments, and a ticket from which
 * each thread takes the next chunk. A thread that comes late finds no chunk left and does nothing; no thread waits for
 * it.
 */
export class Job {
  readonly words: Int32Array;
  private readonly args: Float64Array;
  private readonly call: number[] = [];
  private known = -1;

  constructor(
    // A page that is not isolated has no SharedArrayBuffer of its own, only that of a WebAssembly memory.
    readonly buffer: ArrayBufferLike = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer,
    private readonly thread = 0,
  ) {
    this.words = new Int32Array(buffer, 0, 32);
    this.args = new Float64Array(buffer, 128, MAX_ARGUMENTS);
  }

  /** Describes a new job; the previous one must be finished. */
  publish(kernel: number, args: readonly number[], items: number, chunks: number): void {
    const { words } = this;
    const number = (words[Word.ticket] >>> CHUNK_BITS) + 1;
    Atomics.store(words, Word.ticket, (number << CHUNK_BITS) | CLOSED);
    words[Word.kernel] = kernel;
    words[Word.items] = items;
    words[Word.chunks] = chunks;
    words[Word.argumentCount] = args.length;
    words[Word.failed] = 0;
    this.args.set(args);
    Atomics.store(words, Word.done, 0);
    Atomics.store(words, Word.ticket, number << CHUNK_BITS);
    Atomics.notify(words, Word.ticket);
  }

  /** Takes chunks of the current job and runs them until none is left. Returns the last ticket seen. */
  work(kernels: readonly Kernel[]): number {
    const { words } = this;
    for (;;) {
      const ticket = Atomics.load(words, Word.ticket);
      const chunk = ticket & CLOSED;
      const chunks = words[Word.chunks];
      if (chunk >= chunks) return ticket;
      if (ticket >>> CHUNK_BITS !== this.known) this.readArguments(ticket >>> CHUNK_BITS);
      // Wins only if the job is still the one whose arguments were read.
      if (Atomics.compareExchange(words, Word.ticket, ticket, ticket + 1) !== ticket) continue;
      this.run(kernels[words[Word.kernel]], chunk);
      if (Atomics.add(words, Word.done, 1) + 1 === words[Word.chunks]) Atomics.notify(words, Word.done);
    }
  }

  private readArguments(number: number): void {
    this.known = number;
    this.call.length = this.words[Word.argumentCount] + 4;
    for (let i = 0; i < this.call.length - 4; i++) this.call[i] = this.args[i];
  }

  private run(kernel: Kernel, chunk: number): void {
    const { words, call } = this;
    const n = call.length;
    call[n - 4] = Math.floor((words[Word.items] * chunk) / words[Word.chunks]);
    call[n - 3] = Math.floor((words[Word.items] * (chunk + 1)) / words[Word.chunks]);
    call[n - 2] = chunk;
    call[n - 1] = (words[Word.scratch] >>> 0) + this.thread * words[Word.scratchStride];
    try {
      kernel(...call);
    } catch {
      Atomics.store(words, Word.failed, 1);
    }
  }
}
