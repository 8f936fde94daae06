import type { FolderCommand } from '../protocol.js';
import { CommandError, key, reasonIn } from './connection.js';
import { askFor, element } from './elements.js';

/** A notebook's path as it stands in an address. */
export const encoded = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

/** Asks the server for something; throws a CommandError that says why it is not done. */
async function ask(address: string, options: RequestInit = {}): Promise<Response> {
  const headers = { 'X-Key': key, ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }) };
  const response = await fetch(address, { ...options, headers }).catch(() => {
    throw new CommandError('The server does not answer.', true);
  });
  if (response.ok) return response;
  throw new CommandError(await reasonIn(response), false);
}

/** Has something done in the folder, and opens the notebook that it is about. */
async function inFolder(command: FolderCommand): Promise<void> {
  const response = await ask('/api/notebooks', { method: 'POST', body: JSON.stringify(command) });
  const { path } = (await response.json()) as { path: string };
  location.href = `/notebooks/${encoded(path)}`;
}

/** Makes a notebook, and opens it. */
export const makeNew = (): Promise<void> => inFolder({ do: 'new' });

/** Makes a copy, and opens it. */
export const duplicate = (path: string): Promise<void> => inFolder({ do: 'duplicate', path });

/** Asks for another name, and opens the notebook under it; `around` is done around the move. */
export async function rename(path: string, around = (move: () => Promise<void>) => move()): Promise<void> {
  const to = await askFor('New name, in the same folder or another one:', path, 'Rename');
  if (to !== undefined && to !== path) await around(() => inFolder({ do: 'rename', path, to }));
}

/** Gives a notebook as a file, as it is now. */
export const downloadNotebook = (path: string): Promise<void> => download('/api/download', path, path);

/** Gives a notebook's report as a file. */
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
