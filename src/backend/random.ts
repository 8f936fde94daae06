const GOLDEN_RATIO = 0x9e3779b1;

/** Murmur3's 32-bit finaliser: every input bit moves about half of the output bits. */
function fmix32(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Returns the i-th uniform number of a stream: u(seed, i) = fmix32((i + seed * 0x9E3779B1) mod 2^32) / 2^32, in [0, 1).
 *
 * A counter instead of a state: any number can be drawn at any time, in any order, by any thread, and a resumed run
 * only needs to remember its position.
 */
export function uniform(seed: number, i: number): number {
  return fmix32((i + Math.imul(seed, GOLDEN_RATIO)) | 0) / 2 ** 32;
}

/** Returns a new, unrelated seed for a named or numbered part of a run: deriveSeed(seed, 'gates', 3). */
export function deriveSeed(seed: number, ...path: (string | number)[]): number {
  let h = fmix32(seed | 0);
  for (const part of path) {
    const numbers = typeof part === 'number' ? [part] : Array.from(part, (c) => c.codePointAt(0) ?? 0);
    for (const n of numbers) h = fmix32(h ^ Math.imul(n + 1, GOLDEN_RATIO));
  }
  return h;
}

/** A stream of uniform numbers in [0, 1), drawn one after another: used by shuffles and augmentations. */
export class Random {
  private position = 0;

  constructor(readonly seed: number) {}

  /** The next number in [0, 1). */
  next(): number {
    return uniform(this.seed, this.position++);
  }

  /** An integer in [0, n). */
  integer(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** A draw from the normal distribution N(0, 1), by the Box-Muller transform. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return radius * Math.cos(2 * Math.PI * this.next());
  }

  /** The numbers 0..n-1 in random order, by the Fisher-Yates shuffle. */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}

/**
 * Calls `use`, which must be synchronous, with a Math.random that returns the numbers of a seeded stream. tfjs takes
 * the seeds of unseeded random operations from it: dropout and noise in tf.layers.
 */
export function seeded<T>(seed: number, use: () => T): T {
  const [random, before] = [new Random(seed), Math.random];
  Math.random = () => random.next();
  try {
    return use();
  } finally {
    Math.random = before;
  }
}
