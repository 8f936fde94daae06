import type { Step } from './job.js';

/** Addresses from here on stand for passing tensors: they lie beyond any memory. */
const BEYOND = 2 ** 32;
const ALIGNMENT = 64;
/** Bytes after the values that a kernel may read when it loads a whole vector at their end. */
const SLACK = 64;

/**
 * A tensor of which kernels only need the images that they are working on: one kernel computes these images for the
 * kernels after it in the same row, and nothing keeps them.
 */
export interface Passing {
  imageBytes: number;
  /** Runs the kernels that compute its values, and writes them to an address. */
  write(to: number): void;
  /** Returns the address of the whole tensor, which is computed if necessary. */
  settle(): number;
}

interface Slot extends Passing {
  address: number;
  /** Its address in memory, once the whole tensor was needed. */
  settled?: number;
}

/** The tensors that pass through the kernels of one `together`. */
export class PassingTensors {
  private readonly slots = new Map<object, Slot>();
  private readonly made = new Set<Slot>();

  /** Returns the address of the tensor `key` for kernels that are run together. */
  address(key: object, passing: Passing): number {
    let slot = this.slots.get(key);
    if (!slot) this.slots.set(key, (slot = { ...passing, address: (this.slots.size + 1) * BEYOND }));
    return slot.address;
  }

  /** Replaces the addresses of passing tensors with addresses in memory, for a kernel that takes all images at once. */
  settle(args: readonly number[]): readonly number[] {
    return args.map((argument) => {
      const slot = this.slotOf(argument);
      if (slot) slot.settled ??= slot.settle();
      return this.whereSettled(argument);
    });
  }

  /**
   * Runs the kernels that compute the passing tensors among the arguments, as part of this row of kernels. Returns the
   * arguments, with addresses in memory for tensors that are already there.
   */
  make(args: readonly number[]): readonly number[] {
    for (const argument of args) {
      const slot = this.slotOf(argument);
      if (!slot || slot.settled !== undefined || this.made.has(slot)) continue;
      this.made.add(slot);
      slot.write(slot.address);
    }
    return args.map((argument) => this.whereSettled(argument));
  }

  /** Bytes per image of the largest tensor that this row of kernels makes. */
  get widest(): number {
    return Math.max(0, ...[...this.made].map((slot) => slot.imageBytes));
  }

  /**
   * Places the tensors that this row makes in a thread's private memory after the first `bytes` bytes, `images` images
   * at a time. Returns the row's steps with these addresses, and the total bytes. The next row makes its own tensors.
   */
  place(steps: readonly Step[], bytes: number, images: number): { steps: Step[]; bytes: number } {
    const starts = new Map<Slot, number>();
    for (const slot of this.made) {
      starts.set(slot, bytes);
      bytes += Math.ceil((slot.imageBytes * images + SLACK) / ALIGNMENT) * ALIGNMENT;
    }
    this.made.clear();
    const placed = steps.map(({ args, ...step }) => {
      const moving: { argument: number; bytes: number }[] = [];
      const addresses = args.map((argument, i) => {
        const slot = this.slotOf(argument);
        if (!slot) return argument;
        moving.push({ argument: i, bytes: slot.imageBytes });
        return starts.get(slot)! + (argument - slot.address);
      });
      return { ...step, args: addresses, moving };
    });
    return { steps: placed, bytes };
  }

  private whereSettled(argument: number): number {
    const slot = this.slotOf(argument);
    return slot?.settled === undefined ? argument : slot.settled + (argument - slot.address);
  }

  private slotOf(argument: number): Slot | undefined {
    if (!(argument >= BEYOND && argument < Infinity)) return undefined;
    return [...this.slots.values()][Math.floor(argument / BEYOND) - 1];
  }
}
