import type { Step } from './job.js';

/** Addresses from here on are those of tensors that pass: no memory has them. */
const BEYOND = 2 ** 32;
const ALIGNMENT = 64;
/** Bytes behind the values that a kernel may read when it loads a whole vector at an odd end. */
const SLACK = 64;

/**
 * A tensor of which kernels only need the images that they are at: one kernel makes them for those behind it in the
 * same row, and nobody keeps them.
 */
export interface Passing {
  imageBytes: number;
  /** Runs the kernels that make its values, to an address. */
  write(to: number): void;
  /** Where the whole tensor is, which is made if need be. */
  settle(): number;
}

interface Slot extends Passing {
  address: number;
  /** Where it lies in memory, once it had to. */
  settled?: number;
}

/** The tensors that pass through the kernels of one `together`. */
export class PassingTensors {
  private readonly slots = new Map<object, Slot>();
  private readonly made = new Set<Slot>();

  /** The address of the tensor `key` for kernels that are run together. */
  address(key: object, passing: Passing): number {
    let slot = this.slots.get(key);
    if (!slot) this.slots.set(key, (slot = { ...passing, address: (this.slots.size + 1) * BEYOND }));
    return slot.address;
  }

  /** Arguments with memory's addresses in place of those that pass, for a kernel that takes all images at once. */
  settle(args: readonly number[]): readonly number[] {
    return args.map((argument) => {
      const slot = this.slotOf(argument);
      if (slot) slot.settled ??= slot.settle();
      return this.whereSettled(argument);
    });
  }

  /** Runs the kernels that make what the arguments point to, in this row of kernels; the arguments then. */
  make(args: readonly number[]): readonly number[] {
    for (const argument of args) {
      const slot = this.slotOf(argument);
      if (!slot || slot.settled !== undefined || this.made.has(slot)) continue;
      this.made.add(slot);
      slot.write(slot.address);
    }
    return args.map((argument) => this.whereSettled(argument));
  }

  /** Bytes of an image of the widest tensor that this row of kernels makes. */
  get widest(): number {
    return Math.max(0, ...[...this.made].map((slot) => slot.imageBytes));
  }

  /**
   * The steps of this row with what they make in a thread's private memory behind the first `bytes`, `images` at a
   * time, and the bytes of all. The next row makes its own.
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
