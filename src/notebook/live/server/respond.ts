import type { IncomingMessage, ServerResponse } from 'node:http';
import { UserError } from '../../../errors.js';

/**
 * The headers of every answer. Even if foreign HTML slips into a page, only this server's own scripts run and nothing
 * loads from elsewhere; inline styles are allowed because plotly and the editor write style elements. No other site may
 * frame a page or keep a reference to its window.
 */
const headers = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-DNS-Prefetch-Control': 'off',
};

/** Sends a whole answer, which no cache stores unless `more` says otherwise. */
export function respond(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Buffer,
  more: Record<string, string> = {},
): void {
  response.writeHead(status, {
    ...headers,
    'Cache-Control': 'no-store',
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    ...more,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

export function respondJson(response: ServerResponse, status: number, value: unknown): void {
  respond(response, status, 'application/json', JSON.stringify(value ?? null));
}

/** Begins a stream of server-sent events. */
export function beginEvents(response: ServerResponse): void {
  response.writeHead(200, { ...headers, 'Cache-Control': 'no-store', 'Content-Type': 'text/event-stream' });
}

const LARGEST_BODY = 20_000_000;

/** Reads a request's JSON body; throws a UserError if it is not JSON, has more than 20 MB, or breaks off. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json(;|$)/.test(request.headers['content-type'] ?? '')) {
    throw new UserError('a command must be sent as application/json');
  }
  const body = await bodyOf(request);
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    throw new UserError('a command must be JSON');
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // A request that is too large still gets an answer: unread data must not end the connection.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LARGEST_BODY) break;
      chunks.push(chunk);
    }
  } catch {
    throw new UserError('the connection broke off');
  }
  if (size > LARGEST_BODY) throw new UserError(`a command must have at most ${LARGEST_BODY} bytes; this one has more`);
  return Buffer.concat(chunks);
}
