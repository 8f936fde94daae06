import { EventEmitter } from 'node:events';

const hook: unique symbol = Symbol.for('sparsebook.interrupt');

/** Where the kernel's launcher and the library meet: any copy of the library finds the same emitter, of 'interrupt', here. */
const shared = globalThis as { [hook]?: EventEmitter };

/**
 * Has the signals of `interruptSignal` abort at SIGINT. It must run before any cell: Node puts signal listeners aside
 * while a cell's synchronous part runs, and one that a cell adds in that time makes the next SIGINT end the process.
 */
export function installInterruptHook(): void {
  const emitter = (shared[hook] = new EventEmitter());
  process.on('SIGINT', () => emitter.emit('interrupt'));
}

let controller: AbortController | undefined;

/**
 * An AbortSignal that aborts at the next interrupt: Jupyter's stop button, or Ctrl-C in a terminal.
 *
 * Pass it to whatever runs long: `train({ ..., signal: interruptSignal() })`. Once it has aborted, the next call gives
 * a fresh one, so the next cell starts clean. On a kernel that was not started by this project's launcher it never
 * aborts (a listener added by a cell would end that kernel); outside a kernel it aborts at the first Ctrl-C, and the
 * second one ends the process as usual.
 */
export function interruptSignal(): AbortSignal {
  if (controller && !controller.signal.aborted) return controller.signal;
  const current = (controller = new AbortController());
  const abort = (): void => current.abort(new DOMException('interrupted', 'AbortError'));
  if (shared[hook]) shared[hook].once('interrupt', abort);
  else if (!('__tslab__' in globalThis)) process.once('SIGINT', abort);
  return current.signal;
}
