/** What the person at the terminal wants of a run: see {@link stopSignals}. */
export interface StopSignals {
  /** Aborts at the first Ctrl-C. */
  interrupt: AbortSignal;
  /** Aborts at the second Ctrl-C, and when the terminal closes or the system asks the process to end. */
  kill: AbortSignal;
  /** Aborts at the second signal, whichever the two are. */
  again: AbortSignal;
  /** The exit code that says which signal ended the run: 128 and the signal's number. */
  exitCode(): number;
  /** Gives the signals back their usual meaning. */
  release(): void;
}

const NUMBERS = { SIGINT: 2, SIGHUP: 1, SIGTERM: 15 };

/** Turns the process's signals into two AbortSignals: ask the cell to stop, and end the kernel. */
export function stopSignals(): StopSignals {
  const interrupt = new AbortController();
  const kill = new AbortController();
  const again = new AbortController();
  let last: keyof typeof NUMBERS = 'SIGINT';
  const onSignal = (name: keyof typeof NUMBERS): void => {
    last = name;
    if (interrupt.signal.aborted) again.abort();
    if (interrupt.signal.aborted || name !== 'SIGINT') kill.abort();
    interrupt.abort();
  };
  const names = Object.keys(NUMBERS) as (keyof typeof NUMBERS)[];
  names.forEach((name) => process.on(name, onSignal));
  return {
    interrupt: interrupt.signal,
    kill: kill.signal,
    again: again.signal,
    exitCode: () => 128 + NUMBERS[last],
    release: () => names.forEach((name) => process.off(name, onSignal)),
  };
}
