import { UserError } from '../../../errors.js';
import { USUAL_KERNEL } from '../../jupyter/kernelSpec.js';
import { handleCommand, parseCommand } from '../commands.js';
import { SpareKernel } from '../kernel/liveKernel.js';
import { NotebookFolder } from '../notebookFolder.js';
import { OpenNotebooks } from '../openNotebooks.js';
import { streamEvents } from './eventStream.js';
import { openLocalServer, respondNothing, type Visit } from './localServer.js';
import { listPage, notebookPage } from './pages.js';
import { readJson, respondJson } from './respond.js';

/** Answers what is asked of the notebooks of a folder, which is shown by that name. */
async function answer(notebooks: OpenNotebooks, folder: string, visit: Visit): Promise<void> {
  const { request, response, url, reads, sendPage } = visit;
  const [, first = '', rest = ''] = /^\/([^/]*)\/?(.*)$/s.exec(url.pathname) ?? [];

  if (url.pathname === '/' && reads) return sendPage((key) => listPage(folder, key));
  if (first === 'notebooks' && reads) {
    const path = decoded(rest);
    const wrong = await notebooks.whyNot(path);
    if (wrong === undefined) return sendPage((key) => notebookPage(path, key));
    return sendPage((key) => listPage(folder, key, wrong), 404);
  }
  if (url.pathname === '/api/notebooks' && reads) return respondJson(response, 200, await notebooks.list());
  const [, what = '', path = ''] = /^(events|commands)\/(.+)$/s.exec(rest) ?? [];
  if (first === 'api' && what === 'events' && request.method === 'GET') {
    const session = await notebooks.at(decoded(path));
    const last = request.headers['last-event-id'];
    return streamEvents(response, session, typeof last === 'string' ? last : (url.searchParams.get('seen') ?? ''));
  }
  if (first === 'api' && what === 'commands' && request.method === 'POST') {
    const session = await notebooks.at(decoded(path));
    const [by] = /^[\w-]{1,64}$/.exec(String(request.headers['x-page'])) ?? [''];
    return respondJson(response, 200, await handleCommand(session, parseCommand(await readJson(request)), by));
  }
  respondNothing(visit);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new UserError('that is no path');
  }
}

export interface ServerOptions {
  folder: string;
  /** The port; 8765 by default, or, if that is taken, any that is free. */
  port?: number;
  /** Whether to start a kernel at once, for the first notebook that is opened. */
  spareKernel?: boolean;
}

export interface LiveServer {
  port: number;
  /** What opens the list of notebooks, or a notebook: the token is in it. */
  address(path?: string): string;
  notebooks: OpenNotebooks;
  /** Saves, ends kernels; resolves with what a person should know. */
  close(): Promise<string[]>;
}

/** Serves a folder's notebooks to this machine alone; throws a UserError when the port asked for is taken. */
export async function startServer({ folder, port, spareKernel }: ServerOptions): Promise<LiveServer> {
  const opened = await NotebookFolder.open(folder);
  const server = await openLocalServer(port);
  const spare = spareKernel ? await SpareKernel.begin(USUAL_KERNEL, opened.root) : undefined;
  const notebooks = new OpenNotebooks(opened, spare);
  server.begin((visit) => answer(notebooks, folder, visit));
  return {
    port: server.port,
    notebooks,
    address: (path) =>
      server.address(path === undefined ? '/' : `/notebooks/${path.split('/').map(encodeURIComponent).join('/')}`),
    async close() {
      const said = await notebooks.close();
      server.close();
      return said;
    },
  };
}
