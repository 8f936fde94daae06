import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';

/**
 * What lies beside a folder under a hidden name: 'new' is being written, 'old' is being replaced by a new one, and
 * 'gone' is being deleted.
 */
export type Fate = 'new' | 'old' | 'gone';

const pattern = /^\.(?<name>.+)\.(?<pid>\d+)-(?<token>[0-9a-f]{8})\.(?<fate>new|old|gone)$/;

/** Tokens of the names that this process is working with. */
const inUse = new Set<string>();

/** Names beside a folder for one piece of work, the writer's process id among them; `done` says that it is over. */
export function namesAside(path: string): { aside: (fate: Fate) => string; done: () => void } {
  const token = randomBytes(4).toString('hex');
  inUse.add(token);
  return {
    aside: (fate) => join(dirname(path), `.${basename(path)}.${process.pid}-${token}.${fate}`),
    done: () => void inUse.delete(token),
  };
}

/** What an entry of a folder is, if it is one of these and whoever made it is no longer at work. */
export function orphanOf(entry: string): { name: string; fate: Fate } | undefined {
  const { name, pid, token, fate } = pattern.exec(entry)?.groups ?? {};
  if (name === undefined) return undefined;
  // A number of ours that we do not know is that of a process before us: in a container all have the same.
  const atWork = Number(pid) === process.pid ? inUse.has(token) : isAlive(Number(pid));
  return atWork ? undefined : { name, fate: fate as Fate };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
