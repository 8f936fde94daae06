import { lostOutput } from './output.js';

/** How the person at the terminal stops a run: see {@link stopSignals}. */
export interface StopSignals {
  /** Aborts at the first Ctrl-C. */
  interrupt: AbortSignal;
  /** Aborts at the second Ctrl-C, and when the terminal or the output closes, or the system asks the process to end. */
  kill: AbortSignal;
  /** Aborts at the second signal of any kind, except for those that a terminal sends as it closes. */
  again: AbortSignal;
  /** The exit code that says which signal ended the run: 128 and the signal's number. */
  exitCode(): number;
  /** Gives the signals back their usual meaning. */
  release(): void;
}

const NUMBERS = { SIGINT: 2, SIGHUP: 1, SIGTERM: 15, SIGPIPE: 13 };
type Name = keyof typeof NUMBERS;

/** The system's signals to listen for. SIGPIPE is not among them: it is sent for every socket that a browser closes. */
const received = ['SIGINT', 'SIGHUP', 'SIGTERM'] as const;

/**
 * Turns the process's signals into AbortSignals, which ask a cell to stop or end its kernel. Output that is no longer
 * read counts as a signal too, SIGPIPE.
 */
export function stopSignals(): StopSignals {
  const interrupt = new AbortController();
  const kill = new AbortController();
  const again = new AbortController();
  let last: Name = 'SIGINT';
  const onSignal = (name: Name): void => {
    // A closing terminal causes several signals: its own, its shell's, and one for each line written to it.
    const closing = name === 'SIGHUP' || name === 'SIGPIPE';
    if (closing && interrupt.signal.aborted) return kill.abort();
    last = name;
    if (interrupt.signal.aborted) again.abort();
    if (interrupt.signal.aborted || name !== 'SIGINT') kill.abort();
    interrupt.abort();
  };
  const onLost = (): void => onSignal('SIGPIPE');
  received.forEach((name) => process.on(name, onSignal));
  lostOutput.on('lost', onLost);
  return {
    interrupt: interrupt.signal,
    kill: kill.signal,
    again: again.signal,
    exitCode: () => 128 + NUMBERS[last],
    release: () => {
      received.forEach((name) => process.off(name, onSignal));
      lostOutput.off('lost', onLost);
    },
  };
}

/**
 * Runs work that Ctrl-C or the system may end: its `signal` then aborts, and the process will exit with the exit code
 * for the signal received. Any other error is rethrown.
 */
export async function untilStopped(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = stopSignals();
  try {
    await work(stop.interrupt);
  } catch (error) {
    if (error !== stop.interrupt.reason) throw error;
    process.exitCode = stop.exitCode();
  } finally {
    stop.release();
  }
}
