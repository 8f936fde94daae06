import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { constants, copyFile, link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { UserError } from '../../errors.js';
import { isAlive } from '../../platform/asideName.js';

/** Who writes to a run's folder. */
interface Holder {
  pid: number;
  host: string;
  /** Where its number counts: a container has processes of its own. */
  space: string;
  /** When the process started, by the system's own count: a later process may have its number. Empty where that is not known. */
  started: string;
  /** No two locks have the same. */
  token: string;
  /** When the lock was taken, for people. */
  since: string;
}

/** Another process writes to the run. */
export class RunHeld extends UserError {}

/** A lock that is held. */
export interface RunLock {
  /** Gives it back. */
  release(): Promise<void>;
}

/** Tokens of the locks that this process holds or is taking. */
const ours = new Set<string>();

/**
 * Takes the lock at `path`, so that one process at a time writes to a run; of several that ask at once, one gets it. A lock
 * whose process is gone is taken over.
 *
 * Throws a RunHeld that says who holds it, or a UserError that says what to delete where that cannot be told.
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
  return {
    async release() {
      if (ours.delete(token)) await rm(path, { force: true });
    },
  };
}

/** Puts a copy of the file `own` at `path`, where nothing is or the lock of a process that is gone. */
async function take(path: string, own: string): Promise<void> {
  for (;;) {
    if (await createCopy(path, own)) return;
    const holder = await holderOf(path);
    if (!holder) continue;
    if (!isGone(holder)) throw held(path, holder);
    // Whoever has the lock on its successor, and still finds it there, is the only one to replace it.
    const successor = `${path}.after-${holder.token}`;
    await take(successor, own);
    if ((await holderOf(path))?.token === holder.token) return rename(successor, path);
    await rm(successor, { force: true });
  }
}

/** Makes `path` a copy of the file `own`, unless there is one already. Returns whether it did; of several that ask at once, one does. */
export async function createCopy(path: string, own: string): Promise<boolean> {
  try {
    // A link is there with all its bytes at once; some file systems have none.
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

/** Who holds the lock at `path`; undefined where there is none. */
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
    // What is not JSON is no lock of ours either.
  }
  throw new UserError(
    `${path} does not say who writes to this run. If no process trains it, delete that file and start again.`,
  );
}

/** Whether a lock lies at `path` whose process is not known to be gone. */
export async function isHeld(path: string): Promise<boolean> {
  const holder = await holderOf(path);
  return holder !== undefined && !isGone(holder);
}

const isHere = ({ host, space }: Holder): boolean => host === hostname() && space === processSpace();

/** Whether a lock's process is known to be no more. */
function isGone(holder: Holder): boolean {
  const { pid, started, token } = holder;
  if (!isHere(holder)) return false;
  if (!isAlive(pid)) return true;
  const now = startOf(pid);
  if (started !== '' && now !== '' && now !== started) return true;
  return pid === process.pid && !ours.has(token);
}

/** When a process started; 'ended' for one that only waits to be cleared away, and nothing where the system has no /proc. */
function startOf(pid: number): string {
  try {
    // The name, in parentheses, may hold anything. Behind it: the state, and as the twentieth the start.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return ['Z', 'X'].includes(fields[0]) ? 'ended' : fields[19];
  } catch {
    return '';
  }
}

function processSpace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function held(path: string, holder: Holder): RunHeld {
  const { pid, host, since } = holder;
  if (isHere(holder)) {
    return new RunHeld(
      `The process ${pid} trains this run since ${since} (${path}). Wait for its end, or stop it: kill -INT ${pid}`,
    );
  }
  return new RunHeld(
    `The process ${pid} of ${host} trains this run since ${since}, and whether it still does cannot be told from here. ` +
      `If it does not, delete ${path} and start again.`,
  );
}
