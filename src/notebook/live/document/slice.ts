import { isDeepStrictEqual } from 'node:util';

/** Counts changes: every change of anything gets a version of its own. */
export class Clock {
  version = 0;
  private readonly listeners = new Set<() => void>();

  /** The next version; listeners are notified. */
  tick(): number {
    this.version++;
    for (const listener of this.listeners) listener();
    return this.version;
  }

  /** Calls back at every change; returns what ends that. */
  onTick(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/**
 * A value with the version of its last change: a page that has seen a version needs the slices that changed after it,
 * so that no log of events has to be kept.
 */
export class Slice<T> {
  private version: number;

  constructor(
    private readonly clock: Clock,
    private value: T,
  ) {
    this.version = clock.tick();
  }

  get(): T {
    return this.value;
  }

  /** Takes a value; one that equals the present one is no change. */
  set(value: T): void {
    if (isDeepStrictEqual(value, this.value)) return;
    this.value = value;
    this.version = this.clock.tick();
  }

  /** The value if it changed after that version. */
  since(version: number): T | undefined {
    return this.version > version ? this.value : undefined;
  }
}
