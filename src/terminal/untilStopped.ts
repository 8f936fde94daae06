import { stopSignals } from './stopSignals.js';

/**
 * Runs work that Ctrl-C, or the system, may end: its signal aborts then, and the process will exit with the code of the signal that did
 * it. Any other failure is thrown on.
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
