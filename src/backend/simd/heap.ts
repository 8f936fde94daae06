/**
 * Bytes after every block that a kernel may read (never write) when it loads a whole vector at the end of the block.
 */
const SLACK = 64;
const ALIGNMENT = 64;
const PAGE = 65536;
/** The first page holds the kernels' constants, and no block has the address 0, which means "none". */
const FIRST = PAGE;

interface Block {
  pointer: number;
  size: number;
  free: boolean;
  before?: Block;
  after?: Block;
}

/** Returns the bin of a size: four bins per octave. */
function bin(size: number): number {
  const octave = 31 - Math.clz32(size / ALIGNMENT);
  return octave * 4 + (Math.floor((size / ALIGNMENT / 2 ** octave) * 4) & 3);
}

/** Bytes that a block takes, including its slack. */
const blockSize = (bytes: number): number => Math.ceil((bytes + SLACK) / ALIGNMENT) * ALIGNMENT;

/**
 * The memory of every tensor: one shared WebAssembly.Memory that never grows, so no view of it is ever detached, and a
 * segregated-fit allocator that joins neighbouring free blocks. Address space is reserved; memory is used only where
 * touched.
 */
export class Heap {
  readonly memory: WebAssembly.Memory;
  readonly capacity: number;
  private readonly bins: Set<Block>[] = Array.from({ length: 4 * 32 }, () => new Set<Block>());
  private readonly used = new Map<number, Block>();
  /** Blocks to free later. */
  private held?: number[];
  private live = 0;
  private high = 0;

  /** Reserves `pages` of 64 KiB (default 4 GiB), or half as many, and so on, if the system does not grant them. */
  constructor(pages = 65536) {
    let memory: WebAssembly.Memory | undefined;
    while (memory === undefined) {
      try {
        memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
      } catch (error) {
        if (pages <= 1024) throw error;
        pages /= 2;
      }
    }
    this.memory = memory;
    this.capacity = pages * PAGE;
    // The last address, including vector loads beyond it, must fit in an unsigned 32-bit pointer.
    this.release({ pointer: FIRST, size: this.capacity - FIRST - PAGE, free: true });
  }

  /**
   * Returns the address of a new block of `bytes` bytes, not cleared. Throws if the memory is exhausted; the heap is
   * then unchanged.
   */
  allocate(bytes: number): number {
    const size = blockSize(bytes);
    const block = this.find(size);
    if (block === undefined) throw this.exhausted(bytes);
    this.bins[bin(block.size)].delete(block);
    if (block.size - size >= 4 * ALIGNMENT) {
      const [pointer, left] = [block.pointer + size, block.size - size];
      const rest: Block = { pointer, size: left, free: true, before: block, after: block.after };
      if (block.after) block.after.before = rest;
      block.after = rest;
      block.size = size;
      this.bins[bin(rest.size)].add(rest);
    }
    block.free = false;
    this.used.set(block.pointer, block);
    this.live += block.size;
    this.high = Math.max(this.high, this.live);
    return block.pointer;
  }

  /** Throws what `allocate` would throw: for callers that need a block later, but should fail now if there is none. */
  check(bytes: number): void {
    if (this.find(blockSize(bytes)) === undefined) throw this.exhausted(bytes);
  }

  /** From now on, keeps freed blocks allocated until the returned function is called. */
  holdFreed(): () => void {
    const held: number[] = [];
    this.held = held;
    return () => {
      this.held = undefined;
      for (const pointer of held) this.free(pointer);
    };
  }

  free(pointer: number): void {
    if (this.held) return void this.held.push(pointer);
    const block = this.used.get(pointer);
    if (block === undefined)
      throw new Error(`The heap has no block at ${pointer}: it was freed twice or never allocated.`);
    this.used.delete(pointer);
    this.live -= block.size;
    this.release(block);
  }

  /** Bytes in use now, and the most ever in use. */
  usage(): { live: number; high: number } {
    return { live: this.live, high: this.high };
  }

  /** A view of n floats at an address. */
  floats(pointer: number, n: number): Float32Array {
    return new Float32Array(this.memory.buffer, pointer, n);
  }

  /** Finds a free block of at least `size` bytes: one from the bin of that size, else one from the next larger bin. */
  private find(size: number): Block | undefined {
    if (size > this.capacity) return undefined; // `bin` knows no such sizes
    const own = bin(size);
    for (const block of this.bins[own]) if (block.size >= size) return block;
    for (let i = own + 1; i < this.bins.length; i++) for (const block of this.bins[i]) return block;
    return undefined;
  }

  private exhausted(bytes: number): Error {
    const gigabytes = (n: number): string => `${(n / 2 ** 30).toFixed(2)} GiB`;
    return new Error(
      `The simd backend is out of memory: a tensor needs ${gigabytes(bytes)}, ${gigabytes(this.live)} of ` +
        `${gigabytes(this.capacity)} are in use. Use a smaller batch, or dispose tensors that are no longer needed.`,
    );
  }

  private release(block: Block): void {
    const { before, after } = block;
    if (after?.free) {
      this.bins[bin(after.size)].delete(after);
      block.size += after.size;
      block.after = after.after;
      if (block.after) block.after.before = block;
    }
    if (before?.free) {
      this.bins[bin(before.size)].delete(before);
      before.size += block.size;
      before.after = block.after;
      if (before.after) before.after.before = before;
      block = before;
    }
    block.free = true;
    this.bins[bin(block.size)].add(block);
  }
}
