import { isDeepStrictEqual } from 'node:util';

/** Counts changes: every change of anything gets a version of its own. */
export class Clock {
  version = 0;
  private readonly listeners = new Set<() => void>();

  /** Begins the next version and notifies the listeners; returns the version. */
  tick(): number {
    this.version++;
    for (const listener of this.listeners) listener();
    return this.version;
  }

  /** Calls `listener` at every change; returns a function that ends this. */
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

  /** Sets the value; an equal value is not a change. */
  set(value: T): void {
    if (isDeepStrictEqual(value, this.value)) return;
    this.value = value;
    this.version = this.clock.tick();
  }

  /** The value if it changed after a version, else undefined. */
  since(version: number): T | undefined {
    return this.version > version ? this.value : undefined;
  }
}
