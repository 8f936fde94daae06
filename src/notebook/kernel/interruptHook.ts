import { EventEmitter } from 'node:events';

/** Where the kernel's launcher and the library meet: any copy of the library finds the same emitter here. */
export const interruptHook: unique symbol = Symbol.for('sparsebook.interrupt');

/** The emitter that the launcher installed; it emits 'interrupt'. Undefined where no launcher runs. */
export function interruptEmitter(): EventEmitter | undefined {
  return (globalThis as { [interruptHook]?: EventEmitter })[interruptHook];
}

/**
 * Installs the emitter and feeds it from SIGINT.
 *
 * It must run before any cell: Node puts signal listeners aside while a cell's synchronous part runs, and a listener
 * that a cell adds in that time makes the next SIGINT end the process.
 */
export function installInterruptHook(): void {
  const emitter = new EventEmitter();
  (globalThis as { [interruptHook]?: EventEmitter })[interruptHook] = emitter;
  process.on('SIGINT', () => emitter.emit('interrupt'));
}
