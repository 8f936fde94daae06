import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { reasonOf, UserError } from '../../../errors.js';
import { asset } from '../assets.js';
import { fenced, tellFault } from '../fence.js';
import { Access } from './access.js';
import { refusalPage } from './pages.js';
import { respond, respondJson } from './respond.js';

/** A request that may pass, and is not for a file that pages load. */
export interface Visit {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  /** Whether it only reads. */
  reads: boolean;
  /** Sends a page, made with the key that it is to keep if it came with the token. */
  sendPage: (make: (key?: string) => string, status?: number) => void;
}

/** A server that is open to the user who started it, and to no other. */
export interface LocalServer {
  port: number;
  /** What opens the page at a path: the token is in it. */
  address(path: string): string;
  /** Begins to answer: `answer` is asked for what may pass and is not an asset. */
  begin(answer: (visit: Visit) => Promise<void>): void;
  /** Ends it, and every connection. */
  close(): void;
}

const USUAL_PORT = 8765;
const LOCAL = '127.0.0.1';

/**
 * Binds a port of this machine that other machines cannot reach; without `port` it is 8765 or, if that is taken, any
 * that is free. Throws a UserError when the port asked for is taken.
 */
export async function openLocalServer(port?: number): Promise<LocalServer> {
  const server = createServer();
  const taken = await listen(server, port ?? USUAL_PORT).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE' && port === undefined) return listen(server, 0);
    throw new UserError(`port ${port ?? USUAL_PORT} cannot be used: ${error.message}. Name another one: --port 8800`);
  });
  const access = new Access(taken);
  server.on('error', (error) => tellFault('the server', error));
  return {
    port: taken,
    address: (path) => `http://${LOCAL}:${taken}${path}?token=${access.token}`,
    begin(answer) {
      server.on('request', (request, response) => {
        // A page that goes away while it is answered is no fault.
        response.on('error', () => response.destroy());
        fenced('an answer', () => handleRequest(access, answer, request, response));
      });
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Answers a request; errors go to the client. */
async function handleRequest(
  access: Access,
  answer: (visit: Visit) => Promise<void>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const visit = admit(access, request, response);
    if (visit) await answer(visit);
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

/** Answers what may not pass, and what asks for an asset; the rest is a visit. */
function admit(access: Access, request: IncomingMessage, response: ServerResponse): Visit | undefined {
  const method = request.method ?? '';
  const url = addressOf(request);
  const verdict = access.judge(method, request.headers, url);
  const reads = method === 'GET' || method === 'HEAD';
  const html = 'text/html; charset=utf-8';
  if (!verdict.pass) {
    const { status, reason } = verdict;
    if (/^\/api(\/|$)/.test(url.pathname)) respondJson(response, status, { error: reason });
    else respond(response, status, html, refusalPage(reason));
    return undefined;
  }
  const [, name] = /^\/assets\/(.*)$/s.exec(url.pathname) ?? [];
  if (name !== undefined && reads) {
    sendAsset(request, response, name);
    return undefined;
  }
  const { arrival } = verdict;
  const cookie: Record<string, string> = arrival ? { 'Set-Cookie': arrival.cookie } : {};
  const sendPage: Visit['sendPage'] = (make, status = 200) =>
    respond(response, status, html, make(arrival?.key), cookie);
  return { request, response, url, reads, sendPage };
}

/** The address asked for; whatever a request calls its host, it is read as a path of ours. */
function addressOf({ url = '/' }: IncomingMessage): URL {
  try {
    return new URL(url.replace(/^\/*/, '/'), 'http://here');
  } catch {
    throw new UserError('that is no address');
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

/** Says that there is nothing at the address asked for. */
export function respondNothing({ request, response, url }: Visit): void {
  respondJson(response, 404, { error: `there is nothing at ${request.method} ${url.pathname.slice(0, 200)}` });
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
