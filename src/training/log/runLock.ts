import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { constants, copyFile, link, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { UserError } from '../../errors.js';
import { isAlive } from '#platform';

/** The interval at which a lock's file is rewritten, so that other machines see that its holder is alive. */
const REFRESH_MS = 20_000;
/** A lock of another machine that was not rewritten for this long is considered abandoned. */
const GONE_MS = 180_000;

/** Who writes to a run's folder. */
interface Holder {
  pid: number;
  host: string;
  /** The namespace of `pid`: a container numbers its own processes. */
  space: string;
  /** When the process started, by the system's count, because a later process may get the same `pid`; '' if unknown. */
  started: string;
  /** Unique to each lock. */
  token: string;
  /** When the lock was taken, for people. */
  since: string;
}

/** Another process writes to the run. */
export class RunHeld extends UserError {}

/** A lock that is held. */
export interface RunLock {
  /**
   * Renews the lock's file, if that is due, so that other machines see its holder alive. Throws a UserError if another
   * process has the lock: the protected files must no longer be written.
   */
  hold(): Promise<void>;
  /** Releases the lock. */
  release(): Promise<void>;
}

/** Tokens of the locks that this process holds or is taking. */
const ours = new Set<string>();

/**
 * Takes the lock at `path`, so that one process at a time writes to a run; if several ask at once, one gets it. A lock
 * whose process is gone is taken over; a lock of another machine is taken over when its file was not written for three
 * minutes.
 *
 * Throws a RunHeld that says who holds it, or a UserError that says what to delete if the holder is unknown.
 */
export async function lockRun(path: string): Promise<RunLock> {
  const token = randomBytes(8).toString('hex');
  const since = new Date().toISOString();
  const { pid } = process;
  const holder: Holder = { pid, host: hostname(), space: processSpace(), started: startOf(pid), token, since };
  const own = `${path}.${token}`;
  ours.add(token);
  try {
    await writeFile(own, `${JSON.stringify(holder)}\n`, { flag: 'wx' });
    await take(path, own);
  } catch (error) {
    ours.delete(token);
    throw error;
  } finally {
    await rm(own, { force: true });
  }
  return heldLock(path, token);
}

/** The lock that lies at `path` with our token. It is written again every 20 s until it is released. */
async function heldLock(path: string, token: string): Promise<RunLock> {
  // Written through a handle: a process that took over the lock has put another file at the path.
  const file = await open(path, 'r+');
  const bytes = await file.readFile();
  let refreshed = Date.now();
  let lost: UserError | undefined;
  const refresh = async (): Promise<void> => {
    refreshed = Date.now();
    // A disk that is full now may have space next time; other machines wait three minutes.
    await touch(file, bytes).catch(() => undefined);
    const holder = await holderOf(path).catch(() => ({ token }));
    if (holder?.token === token) return;
    lost = new UserError(
      `This process no longer writes to the run: its lock ${path} was taken over or deleted. Another machine takes over a ` +
        'lock that was not renewed for three minutes. The run continues there, or when it is asked for again.',
    );
  };
  const timer = setInterval(() => void refresh(), REFRESH_MS).unref();
  return {
    async hold() {
      // After the machine has slept, this runs before the timer does.
      if (!lost && Date.now() - refreshed >= REFRESH_MS) await refresh();
      if (lost) throw lost;
    },
    async release() {
      if (!ours.delete(token)) return;
      clearInterval(timer);
      await file.close();
      if ((await holderOf(path).catch(() => undefined))?.token === token) await rm(path, { force: true });
    },
  };
}

/** Writes the same bytes again, so that the file gets a timestamp from the file server's clock. */
async function touch(file: FileHandle, bytes: Buffer): Promise<void> {
  await file.write(bytes, 0, bytes.length, 0);
  await file.datasync();
}

/** Puts a copy of the file `own` at `path`, if there is no file or only the lock of a process that is gone. */
async function take(path: string, own: string): Promise<void> {
  for (;;) {
    if (await createCopy(path, own)) return;
    const holder = await holderOf(path);
    if (!holder) continue;
    if (!(await isGone(path, holder))) throw held(path, holder);
    // Only the process that holds the lock for the successor, and still finds the old lock there, may replace it.
    const successor = `${path}.after-${holder.token}`;
    await take(successor, own);
    if ((await holderOf(path))?.token === holder.token && (await isGone(path, holder))) return rename(successor, path);
    await rm(successor, { force: true });
  }
}

/**
 * Makes `path` a copy of the file `own`, unless there is one already. Returns whether it did; if several ask at once,
 * only one does.
 */
export async function createCopy(path: string, own: string): Promise<boolean> {
  try {
    // A link appears with all its bytes at once; some file systems have no links.
    await link(own, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw error;
      return copyFile(own, path, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The holder of the lock at `path`; undefined if there is none. */
async function holderOf(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const { pid, host, space = '', started = '', token, since = '?' } = Object(JSON.parse(text)) as Partial<Holder>;
    if (Number.isSafeInteger(pid) && typeof host === 'string' && typeof token === 'string') {
      return { pid: pid!, host, space, started, token, since };
    }
  } catch {
    // A file that is not JSON is not one of our locks either.
  }
  throw new UserError(
    `${path} does not say who writes to this run. If no process trains it, delete that file and start again.`,
  );
}

/** Whether there is a lock at `path` whose process is not known to be gone. */
export async function isHeld(path: string): Promise<boolean> {
  const holder = await holderOf(path);
  return holder !== undefined && !(await isGone(path, holder));
}

const isHere = ({ host, space }: Holder): boolean => host === hostname() && space === processSpace();

/** Whether a lock's process is known to have ended, or has not been seen for too long. */
async function isGone(path: string, holder: Holder): Promise<boolean> {
  const { pid, started, token } = holder;
  if (!isHere(holder)) return (await unseenFor(path)) > GONE_MS;
  if (!isAlive(pid)) return true;
  const now = startOf(pid);
  if (started !== '' && now !== '' && now !== started) return true;
  return pid === process.pid && !ours.has(token);
}

/** The time of each device's file server, and when it was `measured`, by our own millisecond count. */
const clocks = new Map<number, { time: number; measured: number }>();

/** Milliseconds since a file was written, by the clock of its file server, which may differ from ours. */
async function unseenFor(path: string): Promise<number> {
  try {
    const { dev, mtimeMs } = await stat(path);
    let clock = clocks.get(dev);
    if (!clock || performance.now() - clock.measured > 60_000) {
      const probe = `${path}.${randomBytes(8).toString('hex')}`;
      const measured = performance.now();
      await writeFile(probe, '', { flag: 'wx' });
      clock = { time: (await stat(probe)).mtimeMs, measured };
      await rm(probe, { force: true });
      clocks.set(dev, clock);
    }
    return clock.time + performance.now() - clock.measured - mtimeMs;
  } catch {
    // If nothing can be written, or the file has just gone, nothing is known.
    return 0;
  }
}

/** When a process started; 'ended' for a zombie, and '' where the system has no /proc. */
function startOf(pid: number): string {
  const text = orNothing(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The name, in parentheses, may contain anything. After it the first field is the state, the twentieth the start.
  const fields = text.replace(/^.*\) /s, '').split(' ');
  return ['Z', 'X'].includes(fields[0]) ? 'ended' : (fields[19] ?? '');
}

const processSpace = (): string => orNothing(() => readlinkSync('/proc/self/ns/pid'));

function orNothing(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

function held(path: string, holder: Holder): RunHeld {
  const { pid, host, since } = holder;
  if (isHere(holder)) {
    return new RunHeld(
      `Process ${pid} has been training this run since ${since} (${path}). Wait for its end, or stop it: kill -INT ${pid}`,
    );
  }
  return new RunHeld(
    `Process ${pid} of ${host} has been training this run since ${since}: it wrote its lock ${path} within the last three minutes. ` +
      `Wait for its end; if it was ended, start again in three minutes, or delete that file.`,
  );
}
