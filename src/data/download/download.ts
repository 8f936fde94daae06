import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from '../../errors.js';
import { TransientError, fetchRest, sizeOf } from './fetchRest.js';
import type { Transfer } from './fetchRest.js';

/** A file to fetch, and how to tell that it arrived whole. */
export interface Source {
  url: string;
  bytes: number;
  sha256: string;
  /** Checked as well where given. */
  md5?: string;
}

/** How patient a download is, and who watches it. */
export interface DownloadOptions {
  onProgress?: (transfer: Transfer) => void;
  /** Told before each pause that follows a failed attempt. */
  onRetry?: (reason: string, pauseMs: number) => void;
  /** A connection that brings nothing for this long is given up. Default 30 s. */
  stallMs?: number;
  /** Attempts after the first one without a single new byte. Default 5. */
  retries?: number;
  /** Pause before the first retry; it doubles each time. Default 1 s. */
  pauseMs?: number;
}

/** Which checksum of the file is not what it must be, in words; undefined if all are right. */
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

/** Makes attempts until the partial file has all its bytes. */
async function fetchAll({ url, bytes }: Source, partial: string, options: DownloadOptions): Promise<void> {
  const { onProgress, onRetry, stallMs = 30_000, retries = 5, pauseMs = 1000 } = options;
  let most = await sizeOf(partial);
  for (let failures = 0; ;) {
    try {
      return await fetchRest(url, partial, bytes, stallMs, onProgress);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      const have = await sizeOf(partial);
      // A slow line with many interruptions still gets there: only attempts that bring nothing new count.
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
 * Downloads a file to `path`, where it appears only whole and with the right checksums.
 *
 * The bytes gather in `path.part`; a later call goes on where an earlier one stopped. A partial file that turns out to
 * be damaged is deleted and fetched once more from the start. Throws a UserError where the file cannot be had.
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
