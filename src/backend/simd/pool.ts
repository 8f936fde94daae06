import { startThread, type Thread } from '#platform';
import type { Heap } from './heap.js';
import { fitsJob, Job, MAX_CHUNKS, SPINS, stepSize, Word } from './job.js';
import type { Extent, Kernel, RunOptions, Step } from './job.js';
import { PassingTensors, type Passing } from './passing.js';
import { instantiate, type ThreadData } from './thread.js';
import { compile, type Variant } from './wasm.js';

/** A chunk takes milliseconds: if the workers stay silent for this many waits, a minute in all, one has died. */
const PATIENCE = 600;
const WAIT_MS = 100;

/** Kernels waiting to be run together. */
interface Waiting {
  images: number;
  depth: number;
  least: number;
  chunks?: number;
  steps: Step[];
  names: string[];
  passing: PassingTensors;
  /** Called once the kernels have run. */
  after: (() => void)[];
}

/** The part of a pool that others use. */
export type Jobs = Pick<Pool, 'kernels' | 'threads' | 'run' | 'close'>;

/** A fork-join pool on one shared memory: the calling thread works too, so one thread needs no worker at all. */
export class Pool {
  /** The wasm functions, run in the calling thread alone. */
  readonly kernels: Record<string, Kernel>;
  private readonly list: Kernel[];
  private readonly numbers: Map<string, number>;
  private job = new Job();
  private workers: Thread[] = [];
  private waiting?: Waiting;
  private scratch = 0;
  private scratchStride = 0;
  /** Bytes of private memory that the kernels themselves need, besides passing tensors. */
  private ownScratch = 0;

  constructor(
    private readonly heap: Heap,
    variant: Variant,
    /**
     * Threads that were started, including the caller's; each keeps the private memory of its number even if others
     * end.
     */
    private readonly started: number,
    /** Bytes of a tensor's images that fit in a core's cache beside those of a few other tensors. */
    private readonly cached = Infinity,
  ) {
    const module = compile(variant);
    const wide = variant === 'wide';
    this.kernels = instantiate(module, heap.memory, wide);
    this.list = Object.values(this.kernels);
    this.numbers = new Map(Object.keys(this.kernels).map((name, i) => [name, i]));
    for (let thread = 1; thread < started; thread++) {
      const data: ThreadData = { module, memory: heap.memory, buffer: this.job.buffer, wide, thread };
      const worker = startThread(data, () => (this.workers = this.workers.filter((other) => other !== worker)));
      this.workers.push(worker);
    }
  }

  /** Threads that work, including the caller's. */
  get threads(): number {
    return this.workers.length + 1;
  }

  /**
   * Runs a kernel on items 0..items-1, split into chunks that threads take as they become free. Returns when all are
   * done; inside `together` the kernel may run later.
   */
  run(name: string, items: number, args: readonly number[], options: RunOptions = {}): void {
    if (items <= 0) return;
    const kernel = this.numbers.get(name);
    if (kernel === undefined) throw new Error(`There is no simd kernel '${name}'.`);
    if (options.scratch !== undefined) {
      this.ownScratch = Math.max(this.ownScratch, Math.ceil(options.scratch / 4096) * 4096);
      this.reserveScratch(this.ownScratch);
    }
    if (this.waiting && !options.apart) {
      if (this.wait(this.waiting, name, { kernel, args, share: items / this.waiting.images }, options)) return;
      args = this.waiting.passing.settle(args);
      this.flush(this.waiting);
    }
    const images = options.chunks && options.images && options.images >= options.chunks ? options.images : undefined;
    const units = images ?? items;
    const wanted = options.chunks ?? Math.min(4 * this.threads, Math.ceil(items / (options.grain ?? 1)));
    const chunks = Math.max(1, Math.min(units, wanted, MAX_CHUNKS));
    if (chunks === 1) this.list[kernel](...args, 0, items, 0, this.scratch);
    else this.work(name, [{ kernel, args, share: items / units }], { units, chunks, depth: units });
  }

  /**
   * Calls `use` and runs its kernels in rows: `depth` images go through all kernels of a row, staying in the cache,
   * before the next images do. A kernel that needs all images before it can start ends a row, as does the end of `use`.
   * Blocks that `use` frees stay unchanged until its end; `use` must not read values that its kernels write. If passing
   * tensors are large, fewer images are taken at a time, but not fewer than `least`.
   */
  together<T>(images: number, depth: number, use: () => T, least = 1): T {
    if (this.waiting) return use();
    const waiting: Waiting = { images, depth, least, steps: [], names: [], passing: new PassingTensors(), after: [] };
    this.waiting = waiting;
    const release = this.heap.holdFreed();
    try {
      const result = use();
      this.flush(waiting);
      return result;
    } finally {
      this.waiting = undefined;
      release();
    }
  }

  /**
   * Returns the address of a tensor, identified by `key`, whose values pass from kernel to kernel in the current
   * `together` and are computed as often as they are needed; undefined outside of `together`, or if it runs on another
   * number of images.
   */
  passing(key: object, images: number, passing: Passing): number | undefined {
    return this.waiting?.images === images ? this.waiting.passing.address(key, passing) : undefined;
  }

  /** Calls `use` once the waiting kernels have run. */
  after(use: () => void): void {
    if (this.waiting) this.waiting.after.push(use);
    else use();
  }

  /** Ends the workers; kernels then run in the caller's thread. */
  async close(): Promise<void> {
    const { workers } = this;
    this.workers = [];
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  /** Adds a step to the waiting kernels. Returns false for a kernel that is not divided among their images. */
  private wait(waiting: Waiting, name: string, step: Step, { images, chunks }: RunOptions): boolean {
    if (images !== waiting.images || !Number.isInteger(step.share)) return false;
    if (chunks !== undefined && (chunks > images || chunks > MAX_CHUNKS)) return false;
    const numbers = [...waiting.steps, step].reduce((sum, one) => sum + stepSize(one), 0);
    const differ = chunks !== undefined && waiting.chunks !== undefined && chunks !== waiting.chunks;
    if (differ || !fitsJob(numbers)) this.flush(waiting);
    waiting.chunks ??= chunks;
    const args = waiting.passing.make(step.args);
    waiting.steps.push({ ...step, args });
    waiting.names.push(name);
    return true;
  }

  private flush(waiting: Waiting): void {
    const { steps, names, images, passing, after } = waiting;
    const chunks = waiting.chunks ?? Math.min(4 * this.threads, images);
    Object.assign(waiting, { steps: [], names: [], chunks: undefined, after: [] });
    if (steps.length > 0) {
      const depth = Math.max(waiting.least, Math.min(waiting.depth, Math.floor(this.cached / passing.widest)));
      const placed = passing.place(steps, this.ownScratch, depth);
      this.reserveScratch(placed.bytes);
      this.work(names.join(', '), placed.steps, { units: images, chunks, depth });
    }
    for (const use of after) use();
  }

  private work(name: string, steps: readonly Step[], extent: Extent): void {
    this.job.publish(steps, extent);
    this.job.work(this.list);
    this.join(name, extent.chunks);
  }

  private join(name: string, chunks: number): void {
    const { words } = this.job;
    // Counts waits rather than time: a machine that slept for hours has not killed a thread.
    let silent = 0;
    for (let spins = 0, done = 0; (done = Atomics.load(words, Word.done)) < chunks; spins++) {
      if (spins < SPINS) continue;
      silent = Atomics.wait(words, Word.done, done, WAIT_MS) === 'timed-out' ? silent + 1 : 0;
      if (silent > PATIENCE) {
        this.abandon();
        throw new Error(`A worker thread died in the simd kernel '${name}'; from here on one thread computes alone.`);
      }
    }
    if (words[Word.failed] !== 0) throw new Error(`The simd kernel '${name}' failed in a thread.`);
  }

  /** Abandons the workers, and the memory through which they could still answer. */
  private abandon(): void {
    void this.close();
    this.job = new Job();
    if (this.scratch) this.reserveScratch(this.scratchStride);
  }

  private reserveScratch(bytes: number): void {
    if (bytes > this.scratchStride) {
      const stride = Math.ceil(bytes / 4096) * 4096;
      const scratch = this.heap.allocate(stride * this.started);
      if (this.scratch) this.heap.free(this.scratch);
      this.scratch = scratch;
      this.scratchStride = stride;
    }
    this.job.words[Word.scratch] = this.scratch;
    this.job.words[Word.scratchStride] = this.scratchStride;
  }
}
