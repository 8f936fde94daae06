import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { stopSignals } from '../../terminal/stopSignals.js';
import { packageRoot } from '../jupyter/jupyterPaths.js';
import { resolveNotebook } from '../run/resolveNotebook.js';
import { fenced, tellFault } from './fence.js';
import { openBrowser } from './openBrowser.js';
import { startServer } from './server/startServer.js';

export interface OpenOptions {
  /** A path, or the beginning of a name in notebooks/; the list of notebooks without one. */
  notebook?: string;
  port?: number;
  /** Whether to open the browser. */
  browser: boolean;
}

const say = (line: string): boolean => process.stderr.write(`${line}\n`);

function usualFolder(): string {
  const here = join(process.cwd(), 'notebooks');
  return existsSync(here) ? here : join(packageRoot, 'notebooks');
}

/**
 * Serves the notebooks until Ctrl-C, until the system asks the process to end or until its terminal is gone: what is not saved is saved
 * first, then kernels end. A second signal ends them at once.
 */
export async function openOnTerminal({ notebook, port, browser }: OpenOptions): Promise<void> {
  const file = notebook === undefined ? undefined : resolveNotebook(notebook);
  const server = await startServer({
    folder: file === undefined ? usualFolder() : dirname(file),
    port,
    spareKernel: true,
  });
  const stop = stopSignals();
  stop.again.addEventListener('abort', () => process.exit(stop.exitCode()));
  const ended = new Promise<unknown>((resolve) => stop.interrupt.addEventListener('abort', resolve));
  // The last resort: whatever was overlooked costs nobody's work, and no other notebook its kernel.
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error: unknown) => {
      tellFault('the server', error);
      fenced('saving', () => server.notebooks.saveAll());
    });
  }
  const address = server.address(file === undefined ? undefined : basename(file));
  const opened = browser && openBrowser(address);
  say(`${opened ? 'The browser opens' : 'Open in a browser:'} ${address}`);
  say('Ctrl-C saves, ends the kernels and leaves.');
  // What the first page needs is loaded while the browser starts.
  if (file !== undefined) server.notebooks.at(basename(file)).catch(() => undefined);
  await ended;
  say('\nsaving, and ending kernels ...');
  for (const line of await server.close()) say(line);
  process.exit(0);
}
