import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from '../errors.js';

/** How much of a file has arrived, reported after each chunk. */
export interface Transfer {
  /** Bytes on disk, including those of earlier attempts. */
  received: number;
  /** Bytes that this connection has delivered, and the seconds that it took. */
  fetched: number;
  seconds: number;
  total: number;
}

/** A failure that may not happen again at the next attempt: a broken connection, a busy server. */
class TransientError extends Error {}

const wrongFile = (url: string, expected: number, found: string): UserError =>
  new UserError(
    `The archive has ${expected} bytes; ${url} offers ${found}, so it is another file. Try another --mirror.`,
  );

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/**
 * Returns the byte of the file that a response's body starts at. Throws a TransientError or a UserError if the response
 * has no usable body.
 */
function bodyStart(response: Response, url: string, have: number, total: number): number {
  const { status, statusText, headers } = response;
  if (status === 206) {
    const [, start, whole] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
    if (whole !== undefined && whole !== '*' && Number(whole) !== total) throw wrongFile(url, total, `${whole} bytes`);
    if (Number(start) === have) return have;
    throw new TransientError(`${url} sent another part than the one asked for`);
  }
  if (status === 200) {
    const length = headers.get('content-length');
    if (length !== null && Number(length) !== total) throw wrongFile(url, total, `${length} bytes`);
    return 0;
  }
  const answer = `${url} answered ${status} ${statusText}`.trim();
  if (status >= 500 || status === 408 || status === 429 || status === 416) throw new TransientError(answer);
  throw new UserError(`${answer}. Try another --mirror.`);
}

async function writeBody(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  path: string,
  start: number,
  total: number,
  onPiece: (received: number) => void,
): Promise<number> {
  const refused = (error: unknown): never => {
    throw new UserError(
      `${path} cannot be written: ${(error as Error).message}. Free space on the disk, or put it elsewhere (--to), then ` +
        'run this again.',
    );
  };
  const file = await open(path, start === 0 ? 'w' : 'a').catch(refused);
  let received = start;
  try {
    for await (const piece of body) {
      received += piece.length;
      if (received > total) break;
      await file.appendFile(piece).catch(refused);
      onPiece(received);
    }
  } finally {
    await file.close();
  }
  return received;
}

/**
 * Fetches the missing rest of a file of `total` bytes and appends it to `path`, over one connection.
 *
 * Throws a TransientError if another attempt may help (the connection broke, nothing came for `stallMs`, the server is
 * busy) and a UserError if it cannot (the server has no such file, or a different one).
 */
async function fetchRest(
  url: string,
  path: string,
  total: number,
  stallMs: number,
  onProgress: (transfer: Transfer) => void = () => undefined,
): Promise<void> {
  let have = await sizeOf(path);
  if (have > total) {
    await rm(path);
    have = 0;
  }
  if (have === total) return;

  const controller = new AbortController();
  const began = performance.now();
  const watchdog = setTimeout(() => controller.abort(), stallMs);
  try {
    // `identity`: a server that decompressed the archive in transit would send other bytes than the archive's.
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (have > 0) headers.range = `bytes=${have}-`;
    const response = await fetch(url, { headers, signal: controller.signal });
    if (response.status === 416) await rm(path, { force: true });
    const start = bodyStart(response, url, have, total);
    // Node's streams can be iterated; the browser's types, which other packages bring in, do not say so.
    const body = (response.body as ReadableStream<Uint8Array> | null) ?? [];
    const received = await writeBody(body, path, start, total, (now) => {
      watchdog.refresh();
      onProgress({ received: now, fetched: now - start, seconds: (performance.now() - began) / 1000, total });
    });
    if (received > total) {
      await rm(path);
      throw wrongFile(url, total, 'more');
    }
    if (received < total) throw new TransientError(`the connection ended after ${received} of ${total} bytes`);
  } catch (error) {
    if (error instanceof UserError || error instanceof TransientError) throw error;
    if (controller.signal.aborted) throw new TransientError(`nothing came from ${url} for ${stallMs / 1000} s`);
    const { message, cause } = error as Error;
    throw new TransientError(cause instanceof Error && cause.message ? `${message}: ${cause.message}` : message);
  } finally {
    clearTimeout(watchdog);
    controller.abort();
  }
}

/** A file to fetch, with the size and checksums that prove it complete. */
export interface Source {
  url: string;
  bytes: number;
  sha256: string;
  /** An older checksum, checked as well where given. */
  md5?: string;
}

/** Callbacks and retries of a download. */
export interface DownloadOptions {
  onProgress?: (transfer: Transfer) => void;
  /** Called before each pause that follows a failed attempt. */
  onRetry?: (reason: string, pauseMs: number) => void;
  /** Milliseconds without data after which a connection is given up. Default 30 s. */
  stallMs?: number;
  /** How often to retry without receiving a single new byte. Default 5. */
  retries?: number;
  /** Milliseconds to pause before the first retry; doubled each time. Default 1 s. */
  pauseMs?: number;
}

/** Describes the first wrong checksum of the file; returns undefined if all are right. */
async function wrongChecksum(path: string, { sha256, md5 }: Source): Promise<string | undefined> {
  for (const [name, expected] of [
    ['sha256', sha256],
    ['md5', md5],
  ] as const) {
    if (expected === undefined) continue;
    const hash = createHash(name);
    await pipeline(createReadStream(path), hash);
    const found = hash.digest('hex');
    if (found !== expected) return `the ${name === 'md5' ? 'MD5' : 'SHA-256'} ${expected}; received ${found}`;
  }
  return undefined;
}

async function fetchAll({ url, bytes }: Source, partial: string, options: DownloadOptions): Promise<void> {
  const { onProgress, onRetry, stallMs = 30_000, retries = 5, pauseMs = 1000 } = options;
  let most = await sizeOf(partial);
  for (let failures = 0; ;) {
    try {
      return await fetchRest(url, partial, bytes, stallMs, onProgress);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      const have = await sizeOf(partial);
      // Only attempts that bring nothing new count, so a slow line with many interruptions still finishes.
      failures = have > most ? 1 : failures + 1;
      most = Math.max(most, have);
      if (failures > retries) {
        throw new UserError(
          `The download failed ${failures} times in a row; last: ${error.message}. ` +
            `${have} of ${bytes} bytes are kept in ${partial}: run the same command again to go on from there, or try --mirror.`,
        );
      }
      const wait = pauseMs * 2 ** (failures - 1);
      onRetry?.(error.message, wait);
      await pause(wait);
    }
  }
}

/**
 * Downloads a file to `path`, where it appears only once it is complete and its checksums are right.
 *
 * The bytes are collected in `path.part`; a later call resumes where an earlier one stopped. A resumed file that turns
 * out to be damaged is deleted and fetched once more from the start. Throws a UserError if the file cannot be fetched.
 */
export async function download(source: Source, path: string, options: DownloadOptions = {}): Promise<void> {
  if ((await sizeOf(path)) === source.bytes && !(await wrongChecksum(path, source))) return;
  await rm(path, { force: true });
  const partial = `${path}.part`;
  for (let resumed = (await sizeOf(partial)) > 0; ; resumed = false) {
    await fetchAll(source, partial, options);
    const wrong = await wrongChecksum(partial, source);
    if (!wrong) break;
    await rm(partial);
    if (resumed) continue;
    throw new UserError(
      `The archive from ${source.url} must have ${wrong}. It was deleted. Run the command again, or try another --mirror.`,
    );
  }
  await rename(partial, path);
}
