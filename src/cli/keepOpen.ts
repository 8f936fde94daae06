import { InvalidArgumentError } from 'commander';
import { stopSignals } from './stopSignals.js';

/** A page server, as seen by the terminal that started it. */
export interface Served {
  address: string;
  /** `hint` says what Ctrl-C does; `farewell` is printed when it is pressed. */
  hint: string;
  farewell: string;
  /** Saves unsaved work after an unexpected error. */
  rescue?: () => unknown;
  /** Ends the server; resolves with lines for the user to read. */
  close: () => Promise<string[]>;
}

const say = (line: string): boolean => process.stderr.write(`${line}\n`);

/**
 * Starts a server, opens its page in the browser or only prints the address, and ends the process on Ctrl-C, when the
 * system asks for it or when the terminal is gone. A second signal ends it at once.
 */
export async function keepOpen(browser: boolean, start: () => Promise<Served>): Promise<never> {
  // Imported when needed: most commands need none of it.
  const [{ openBrowser }, { reportedErrors, reportingErrors, reportError }] = await Promise.all([
    import('../notebook/live/openBrowser.js'),
    import('../notebook/live/reportErrors.js'),
  ]);
  reportedErrors.on('report', say);
  const { address, hint, farewell, rescue, close } = await start();
  const stop = stopSignals();
  stop.again.addEventListener('abort', () => process.exit(stop.exitCode()));
  const ended = new Promise<unknown>((resolve) => stop.interrupt.addEventListener('abort', resolve));
  // Last resort: an unexpected error loses no unsaved work, and other notebooks keep their kernels.
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error: unknown) => {
      reportError('the server', error);
      if (rescue) reportingErrors('saving', rescue);
    });
  }
  const opened = browser && openBrowser(address);
  say(`${opened ? 'The browser opens' : 'Open in a browser:'} ${address}`);
  say(hint);
  await ended;
  say(`\n${farewell}`);
  for (const line of await close()) say(line);
  process.exit(0);
}

/** The value of `--port`. */
export function portNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65535) {
    throw new InvalidArgumentError('It must be a number from 1 to 65535.');
  }
  return value;
}
