import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { reasonOf, UserError } from '../../../errors.js';
import { asset } from '../assets.js';
import { handleCommand, parseCommand } from '../commands.js';
import { fenced, tellFault } from '../fence.js';
import { OpenNotebooks } from '../openNotebooks.js';
import { Access } from './access.js';
import { streamEvents } from './eventStream.js';
import { listPage, notebookPage, refusalPage } from './pages.js';
import { readJson, respond, respondJson } from './respond.js';
import type { AddressInfo } from 'node:net';
import { USUAL_KERNEL } from '../../jupyter/kernelSpec.js';
import { SpareKernel } from '../kernel/liveKernel.js';
import { NotebookFolder } from '../notebookFolder.js';

export interface Site {
  access: Access;
  notebooks: OpenNotebooks;
  folder: string;
}

async function handleRequest(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await answer(site, request, response);
  } catch (error) {
    if (response.headersSent) return void response.destroy();
    // What is left of a body is not read.
    if (!request.complete) response.setHeader('Connection', 'close');
    if (error instanceof UserError) return respondJson(response, 400, { error: error.message });
    const where = `${request.method} ${(request.url ?? '').replace(/\?.*/s, '').slice(0, 200)}`;
    tellFault(where, error);
    respondJson(response, 500, { error: `something went wrong in the server: ${reasonOf(error)}` });
  }
}

async function answer(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const method = request.method ?? '';
  const url = addressOf(request);
  const verdict = site.access.judge(method, request.headers, url);
  const [, first = '', rest = ''] = /^\/([^/]*)\/?(.*)$/s.exec(url.pathname) ?? [];
  if (!verdict.pass) {
    const { status, reason } = verdict;
    if (first === 'api') return respondJson(response, status, { error: reason });
    return respond(response, status, 'text/html; charset=utf-8', refusalPage(reason));
  }
  const cookie: Record<string, string> = verdict.arrival ? { 'Set-Cookie': verdict.arrival.cookie } : {};
  const key = verdict.arrival?.key;
  const html = (text: string): void => respond(response, 200, 'text/html; charset=utf-8', text, cookie);
  const reads = method === 'GET' || method === 'HEAD';

  if (url.pathname === '/' && reads) return html(listPage(site.folder, key));
  if (first === 'assets' && reads) return sendAsset(request, response, rest);
  if (first === 'notebooks' && reads) {
    const path = decoded(rest);
    const wrong = await site.notebooks.whyNot(path);
    if (wrong === undefined) return html(notebookPage(path, key));
    return respond(response, 404, 'text/html; charset=utf-8', listPage(site.folder, key, wrong), cookie);
  }
  if (url.pathname === '/api/notebooks' && reads) return respondJson(response, 200, await site.notebooks.list());
  const [, what = '', path = ''] = /^(events|commands)\/(.+)$/s.exec(rest) ?? [];
  if (first === 'api' && what === 'events' && method === 'GET') {
    const session = await site.notebooks.at(decoded(path));
    const last = request.headers['last-event-id'];
    return streamEvents(response, session, typeof last === 'string' ? last : (url.searchParams.get('seen') ?? ''));
  }
  if (first === 'api' && what === 'commands' && method === 'POST') {
    const session = await site.notebooks.at(decoded(path));
    const [by] = /^[\w-]{1,64}$/.exec(String(request.headers['x-page'])) ?? [''];
    return respondJson(response, 200, await handleCommand(session, parseCommand(await readJson(request)), by));
  }
  respondJson(response, 404, { error: `there is nothing at ${method} ${url.pathname.slice(0, 200)}` });
}

/** The address asked for; whatever a request calls its host, it is read as a path of ours. */
function addressOf({ url = '/' }: IncomingMessage): URL {
  try {
    return new URL(url.replace(/^\/*/, '/'), 'http://here');
  } catch {
    throw new UserError('that is no address');
  }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new UserError('that is no path');
  }
}

function sendAsset(request: IncomingMessage, response: ServerResponse, name: string): void {
  const found = asset(name);
  if (!found) return respondJson(response, 404, { error: `there is no file ${name.slice(0, 200)}` });
  const { type, bytes, packed, tag } = found;
  const caching = { 'Cache-Control': 'private, no-cache', ETag: tag };
  if (request.headers['if-none-match'] === tag) return respond(response, 304, type, '', caching);
  respond(response, 200, type, bytes, { ...caching, ...(packed ? { 'Content-Encoding': 'gzip' } : {}) });
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

const USUAL_PORT = 8765;
const LOCAL = '127.0.0.1';

/** Serves a folder's notebooks to this machine alone; throws a UserError when the port asked for is taken. */
export async function startServer({ folder, port, spareKernel }: ServerOptions): Promise<LiveServer> {
  const opened = await NotebookFolder.open(folder);
  const server = createServer();
  const taken = await listen(server, port ?? USUAL_PORT).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE' && port === undefined) return listen(server, 0);
    throw new UserError(`port ${port ?? USUAL_PORT} cannot be used: ${error.message}. Name another one: --port 8800`);
  });
  const spare = spareKernel ? await SpareKernel.begin(USUAL_KERNEL, opened.root) : undefined;
  const notebooks = new OpenNotebooks(opened, spare);
  const access = new Access(taken);
  server.on('request', (request, response) => {
    // A page that goes away while it is answered is no fault.
    response.on('error', () => response.destroy());
    fenced('an answer', () => handleRequest({ access, notebooks, folder }, request, response));
  });
  server.on('error', (error) => tellFault('the server', error));
  return {
    port: taken,
    notebooks,
    address: (path) => {
      const below = path === undefined ? '' : `notebooks/${path.split('/').map(encodeURIComponent).join('/')}`;
      return `http://${LOCAL}:${taken}/${below}?token=${access.token}`;
    },
    async close() {
      const said = await notebooks.close();
      server.close();
      server.closeAllConnections();
      return said;
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOCAL, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
