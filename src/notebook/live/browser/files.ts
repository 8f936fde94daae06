import type { FolderCommand } from '../protocol.js';
import { CommandError, key, reasonIn } from './connection.js';
import { askFor, element } from './elements.js';

/** A notebook's path encoded for an address. */
export const encoded = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

/** Sends a request to the server; throws a CommandError that says why it failed. */
async function ask(address: string, options: RequestInit = {}): Promise<Response> {
  const headers = { 'X-Key': key, ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }) };
  const response = await fetch(address, { ...options, headers }).catch(() => {
    throw new CommandError('The server does not answer.', true);
  });
  if (response.ok) return response;
  throw new CommandError(await reasonIn(response), false);
}

/** Runs a command on the folder and opens the notebook that it returns. */
async function inFolder(command: FolderCommand): Promise<void> {
  const response = await ask('/api/notebooks', { method: 'POST', body: JSON.stringify(command) });
  const { path } = (await response.json()) as { path: string };
  location.href = `/notebooks/${encoded(path)}`;
}

/** Makes a notebook and opens it. */
export const makeNew = (): Promise<void> => inFolder({ do: 'new' });

/** Makes a copy and opens it. */
export const duplicate = (path: string): Promise<void> => inFolder({ do: 'duplicate', path });

/** Asks for another name and opens the notebook under it; `around` wraps the move. */
export async function rename(path: string, around = (move: () => Promise<void>) => move()): Promise<void> {
  const to = await askFor('New name, in the same folder or another one:', path, 'Rename');
  if (to !== undefined && to !== path) await around(() => inFolder({ do: 'rename', path, to }));
}

/** Downloads a notebook as it is now. */
export const downloadNotebook = (path: string): Promise<void> => download('/api/download', path, path);

/** Downloads a notebook's report. */
export const downloadReport = (path: string): Promise<void> =>
  download('/api/report', path, path.replace(/(\.ipynb)?$/, '.html'));

async function download(from: string, path: string, name: string): Promise<void> {
  const response = await ask(`${from}/${encoded(path)}`);
  const address = URL.createObjectURL(await response.blob());
  const link = element('a', { href: address, download: name.split('/').at(-1)! });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
