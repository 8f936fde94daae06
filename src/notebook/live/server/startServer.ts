import type { ServerResponse } from 'node:http';
import { basename, dirname, extname } from 'node:path';
import { UserError } from '../../../errors.js';
import { USUAL_KERNEL } from '../../jupyter/kernelSpec.js';
import { handleCommand, parseCommand, parseFolderCommand } from '../commands.js';
import { SpareKernel } from '../kernel/liveKernel.js';
import type { LiveSession } from '../liveSession.js';
import { NotebookFolder } from '../notebookFolder.js';
import { OpenNotebooks } from '../openNotebooks.js';
import { streamEvents } from './eventStream.js';
import { openLocalServer, respondNothing, type Visit } from './localServer.js';
import { listPage, notebookPage } from './pages.js';
import { readJson, respond, respondJson } from './respond.js';

/** Answers a request about the notebooks; `folder` is the name that pages show for their folder. */
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
  if (url.pathname === '/api/notebooks' && request.method === 'POST') {
    return respondJson(response, 200, { path: await notebooks.change(parseFolderCommand(await readJson(request))) });
  }
  const [, what = '', path = ''] = /^(events|commands|download|report)\/(.+)$/s.exec(rest) ?? [];
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
  if (first === 'api' && (what === 'download' || what === 'report') && reads) {
    const session = await notebooks.at(decoded(path));
    return what === 'download' ? sendNotebook(response, session) : sendReport(response, session);
  }
  respondNothing(visit);
}

/** Sends a notebook as it is now, as a file to download. */
function sendNotebook(response: ServerResponse, session: LiveSession): void {
  const name = basename(session.file.path);
  respond(response, 200, 'application/x-ipynb+json', session.file.textOf(session.notebookNow()), attached(name));
}

/**
 * Sends the report of a notebook as it is now, as a file to download: the report has scripts of its own, so it must not
 * open as a page of this server.
 */
async function sendReport(response: ServerResponse, session: LiveSession): Promise<void> {
  const { renderReport } = await import('../../report/renderReport.js');
  const name = basename(session.file.path, extname(session.file.path));
  const page = renderReport(session.notebookNow(), { name, folder: dirname(session.file.path) });
  respond(response, 200, 'text/html; charset=utf-8', page, attached(`${name}.html`));
}

/** The header that makes a browser save an answer under a name. */
function attached(name: string): Record<string, string> {
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16)}`);
  return { 'Content-Disposition': `attachment; filename*=UTF-8''${encoded}` };
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
  /** The port; 8765 by default or, if that is taken, any free port. */
  port?: number;
  /** Whether to start a kernel at once, for the first notebook that is opened. */
  spareKernel?: boolean;
}

export interface LiveServer {
  port: number;
  /** The address, with the token, that opens the list of notebooks, or a notebook. */
  address(path?: string): string;
  notebooks: OpenNotebooks;
  /** Keeps unsaved changes and ends kernels; resolves with messages for the user. */
  close(): Promise<string[]>;
}

/** Serves a folder's notebooks to this machine only; throws a UserError when the requested port is taken. */
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
