import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import { UserError } from '../../../errors.js';
import { createCopy } from '../../../training/log/runLock.js';
import { text } from '../../../rules.js';
import type { Crashes } from '../children.js';
import type { Sweep } from '../sweep.js';

/** The server through which sweeps and workers find each other. */
export const redisSetting = {
  default: 'redis://127.0.0.1:6379',
  rule: text('the address of a Redis server'),
  help: 'the server from which the workers of engine=bullmq get their work',
};

/** The data of a job: its point, and the crashes of its process so far. Everything else is in the sweep's folder. */
export interface JobData {
  /** The sweep's folder, relative to the folder of sweeps. */
  sweep: string;
  point: string;
  /** How often its process may die in a row. */
  retries: number;
  crashes?: Crashes;
}

/** The id of a point's job; a point has only one job at a time. */
export const jobId = ({ name }: Pick<Sweep, 'name'>, point: string): string => `${name}/${point}`;

/** How long a server may take to answer. */
const ANSWER_MS = 3000;

/** Loads the package that keeps the queue, which is optional. Throws a UserError if it is not installed. */
export async function loadBullmq(): Promise<typeof import('bullmq')> {
  try {
    await import('ioredis');
    return await import('bullmq');
  } catch (error) {
    throw new UserError(
      `BullMQ needs the packages bullmq and ioredis, and they cannot be loaded: ${(error as Error).message.split('\n')[0]}. ` +
        'Install them: npm install bullmq ioredis',
      { cause: error },
    );
  }
}

/** An address without the name and password that it may contain. Throws a UserError for one that is not Redis's. */
export function shownAddress(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url && ['redis:', 'rediss:'].includes(url.protocol) && url.hostname !== '') {
    return `${url.protocol}//${url.host}${url.pathname}`;
  }
  // The message does not show the address: it may contain a password.
  throw new UserError('redis must be an address such as redis://127.0.0.1:6379 or rediss://user:password@host:6380.');
}

/**
 * The name of the queue of a folder of sweeps. A file in the folder holds it, since other machines may see the folder
 * under another path; the file is made if there is none.
 */
export async function queueNameOf(root: string): Promise<string> {
  const path = join(root, 'queue');
  const known = await readFile(path, 'utf8').catch(() => '');
  if (known !== '') return known.trim();
  const id = randomBytes(6).toString('hex');
  const own = `${path}.${id}`;
  await mkdir(root, { recursive: true });
  try {
    await writeFile(own, `sparsebook-${id}\n`, { flag: 'wx' });
    await createCopy(path, own);
  } finally {
    await rm(own, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}

function reasonOf(message: string): string {
  return /^(NOAUTH|WRONGPASS)/.test(message)
    ? 'it wants another name and password, as in redis=redis://USER:PASSWORD@HOST:PORT.'
    : `${message}. Start it (docs/sweeps.md), or name another with redis=redis://HOST:PORT.`;
}

/** Throws a UserError that names the server if it does not answer. Writes nothing to the server. */
export const checkServer = (address: string): Promise<void> => askQueue(address, 'sparsebook', () => Promise.resolve());

/**
 * Connects to a queue for as long as one question takes. Throws a UserError that names the server if it does not
 * answer.
 */
export async function askQueue<T>(
  address: string,
  name: string,
  question: (queue: Queue<JobData>) => Promise<T>,
): Promise<T> {
  const shown = shownAddress(address);
  const bullmq = await loadBullmq();
  const connection = {
    url: address,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
    disconnectTimeout: 100,
    retryStrategy: () => null,
  };
  const queue = new bullmq.Queue<JobData>(name, { connection, skipMetasUpdate: true });
  let why: string | undefined;
  queue.on('error', (error) => (why = error.message));
  const over = new AbortController();
  const late = pause(ANSWER_MS, undefined, { signal: over.signal }).then(() =>
    Promise.reject(new Error(`no answer within ${ANSWER_MS / 1000} s`)),
  );
  late.catch(() => undefined);
  try {
    await Promise.race([queue.waitUntilReady(), late]);
    return await question(queue);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Redis does not answer at ${shown}: ${reasonOf(why ?? (error as Error).message)}`, {
      cause: error,
    });
  } finally {
    over.abort();
    await queue.close().catch(() => undefined);
  }
}
