import { atCtrlC } from '#platform';

const hook: unique symbol = Symbol.for('sparsebook.interrupt');

/** Holds the target of 'interrupt' events, which all copies of the library in the process share. */
const shared = globalThis as { [hook]?: EventTarget };

/** Returns a function that aborts the signals of `interruptSignal`. */
export function installInterruptHook(): () => void {
  const target = (shared[hook] = new EventTarget());
  return () => void target.dispatchEvent(new Event('interrupt'));
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
  if (shared[hook]) shared[hook].addEventListener('interrupt', abort, { once: true });
  else if (!('__tslab__' in globalThis)) atCtrlC(abort);
  return current.signal;
}
