import type { Heap } from './heap.js';

/** What others than the pool need of a heap. */
export type Blocks = Omit<Heap, 'holdFreed'>;

/** An idle block serves a tensor if it is at most this many times as large. */
const LARGEST = 4;

/**
 * The heap while a plan is recorded. While `planning` is set, blocks belong to the plan until it is disposed. Blocks
 * that kernels work with are never shared, so that what JavaScript writes into them stays; tensors take the blocks of
 * earlier tensors that are disposed.
 */
export class PlannedHeap implements Blocks {
  planning = false;
  private readonly own = new Set<number>();
  private readonly sizes = new Map<number, number>();
  /** Blocks of disposed tensors, the latest first: it is the most likely in cache. */
  private idle: number[] = [];

  constructor(private readonly heap: Blocks) {}

  get memory(): WebAssembly.Memory {
    return this.heap.memory;
  }

  get capacity(): number {
    return this.heap.capacity;
  }

  allocate(bytes: number): number {
    const pointer = this.heap.allocate(bytes);
    if (this.planning) this.own.add(pointer);
    return pointer;
  }

  /** A block for a tensor: the smallest that is idle and fits, or a new one. */
  allocateTensor(bytes: number): number {
    if (!this.planning) return this.heap.allocate(bytes);
    const size = (pointer: number): number => this.sizes.get(pointer)!;
    const fitting = this.idle.filter((pointer) => size(pointer) >= bytes && size(pointer) <= LARGEST * bytes);
    if (fitting.length > 0) {
      const best = fitting.reduce((a, b) => (size(b) < size(a) ? b : a));
      this.idle = this.idle.filter((pointer) => pointer !== best);
      return best;
    }
    const pointer = this.heap.allocate(bytes);
    this.sizes.set(pointer, bytes);
    return pointer;
  }

  free(pointer: number): void {
    if (this.sizes.has(pointer)) this.idle.unshift(pointer);
    else if (!this.own.has(pointer)) this.heap.free(pointer);
  }

  floats(pointer: number, n: number): Float32Array {
    return this.heap.floats(pointer, n);
  }

  check(bytes: number): void {
    this.heap.check(bytes);
  }

  usage(): { live: number; high: number } {
    return this.heap.usage();
  }

  /** Frees the plan's blocks, except those of tensors that are not disposed. */
  dispose(): void {
    for (const pointer of [...this.own, ...this.idle]) this.heap.free(pointer);
  }
}
