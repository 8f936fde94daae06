import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse, IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { reasonOf, UserError } from '../../../errors.js';
import { asset } from '../../assets.js';
import { reportingErrors, reportError } from '../reportErrors.js';
import { refusalPage } from './pages.js';
import { respond, respondJson } from './respond.js';

/** An admitted request that is not for an asset (a file that pages load). */
export interface Visit {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  /** Whether it only reads. */
  reads: boolean;
  /** Sends the page that `make` returns; `make` gets the key to put into the page if the request had the token. */
  sendPage: (make: (key?: string) => string, status?: number) => void;
}

/** A server that admits only the user who started it. */
export interface LocalServer {
  port: number;
  /** The address, with the token, that opens the page at a path. */
  address(path: string): string;
  /** Starts answering; `answer` gets the admitted requests that are not for assets. */
  begin(answer: (visit: Visit) => Promise<void>): void;
  /** Closes the server and every connection. */
  close(): void;
}

const USUAL_PORT = 8765;
const LOCAL = '127.0.0.1';

/**
 * Binds a port that only this machine can reach: `port`, or else 8765 or, if that is taken, any free port. Throws a
 * UserError when the requested port is taken.
 */
export async function openLocalServer(port?: number): Promise<LocalServer> {
  const server = createServer();
  const taken = await listen(server, port ?? USUAL_PORT).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE' && port === undefined) return listen(server, 0);
    throw new UserError(`port ${port ?? USUAL_PORT} cannot be used: ${error.message}. Name another one: --port 8800`);
  });
  const access = new Access(taken);
  server.on('error', (error) => reportError('the server', error));
  return {
    port: taken,
    address: (path) => `http://${LOCAL}:${taken}${path}?token=${access.token}`,
    begin(answer) {
      server.on('request', (request, response) => {
        // A page that disconnects while it is being answered is not an error.
        response.on('error', () => response.destroy());
        reportingErrors('an answer', () => handleRequest(access, answer, request, response));
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
    // The rest of the body is not read.
    if (!request.complete) response.setHeader('Connection', 'close');
    if (error instanceof UserError) return respondJson(response, 400, { error: error.message });
    const where = `${request.method} ${(request.url ?? '').replace(/\?.*/s, '').slice(0, 200)}`;
    reportError(where, error);
    respondJson(response, 500, { error: `something went wrong in the server: ${reasonOf(error)}` });
  }
}

/** Answers requests that are refused or ask for an asset; returns any other request as a visit. */
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

/** The requested address; even an absolute URL is read as a path on this server. */
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

/** Answers that there is nothing at the requested address. */
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

/** Whether a request is admitted, with the cookie and key for a page that came with the token; if not, why. */
export type Verdict =
  { pass: true; arrival?: { cookie: string; key: string } } | { pass: false; status: 401 | 403; reason: string };

const refused = (reason: string): Verdict => ({ pass: false, status: 403, reason });

/**
 * The access check of the server: a notebook can run any code, so only the user who started it is admitted.
 *
 * A token, in the address that the terminal prints, is exchanged for two secrets. The cookie, which scripts cannot read
 * and other sites' pages cannot make the browser send, opens pages. But browsers send it to every other server on this
 * machine too, whatever its port. So requests that read or do something must also have a key, which the page keeps
 * where only pages of this port can read it. Requests for another host name (DNS rebinding) and requests made by other
 * sites' pages are refused before either secret is checked.
 */
export class Access {
  readonly token: string = secret();
  private readonly session = secret();
  private readonly key = secret();

  constructor(private readonly port: number) {}

  /** Decides about a request for an address: a path and perhaps a query. */
  judge(method: string, headers: IncomingHttpHeaders, url: URL): Verdict {
    const hosts = [`127.0.0.1:${this.port}`, `localhost:${this.port}`];
    const host = headers.host ?? '';
    if (!hosts.includes(host)) return refused(`this server answers to ${hosts.join(' and ')} only`);
    const reading = method === 'GET' || method === 'HEAD';
    const { origin } = headers;
    if (origin === undefined ? !reading : origin !== `http://${host}`) {
      return refused('the request comes from a page of another site');
    }
    const page = url.pathname === '/' || url.pathname.startsWith('/notebooks/');
    const arriving = reading && page && headers['sec-fetch-mode'] === 'navigate';
    const site = headers['sec-fetch-site'] ?? 'none';
    if (site !== 'same-origin' && site !== 'none' && !arriving) {
      return refused('the request comes from a page of another site');
    }
    if (reading && page && same(url.searchParams.get('token'), this.token)) {
      const cookie = `${this.cookieName}=${this.session}; Path=/; HttpOnly; SameSite=Strict`;
      return { pass: true, arrival: { cookie, key: this.key } };
    }
    const known = same(this.cookieIn(headers.cookie), this.session);
    // A page without its data, and its scripts, reveal nothing about the notebooks.
    const plain = page || url.pathname.startsWith('/assets/');
    if (known && (plain || same(headers['x-key'] ?? url.searchParams.get('key'), this.key))) return { pass: true };
    return { pass: false, status: 401, reason: 'this page needs the address that the terminal printed, token and all' };
  }

  /** Browsers share cookies between the ports of a machine, so each server uses its own cookie name. */
  private get cookieName(): string {
    return `sparsebook-${this.port}`;
  }

  private cookieIn(header = ''): string {
    const named = header.split(';').map((part) => part.trim().split('='));
    return named.find(([name]) => name === this.cookieName)?.[1] ?? '';
  }
}

const secret = (): string => randomBytes(32).toString('hex');

/** Compares in a time that does not depend on how much agrees. */
function same(given: unknown, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(wanted));
}
