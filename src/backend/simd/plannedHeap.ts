import type { Heap } from './heap.js';

/** The part of a heap that is used outside the pool. */
export type Blocks = Omit<Heap, 'holdFreed'>;

/** An idle block may be at most this many times as large as the tensor that takes it. */
const LARGEST = 4;

/**
 * The heap while a plan is recorded. While `planning` is set, blocks belong to the plan until it is disposed. Blocks
 * that kernels allocate are never reused, so values that JavaScript writes into them stay; tensors reuse the blocks of
 * earlier tensors that are disposed.
 */
export class PlannedHeap implements Blocks {
  planning = false;
  private readonly own = new Set<number>();
  private readonly sizes = new Map<number, number>();
  /** Blocks of disposed tensors, the latest first: it is the most likely to be in cache. */
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

  /** Returns a block for a tensor: the smallest idle block that fits, or a new one. */
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
