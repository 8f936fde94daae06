import { basename, dirname, isAlive, join, pid, randomBytes } from '#platform';
import { UserError } from '../errors.js';
import { realFiles, type FileSystem } from './fileSystem.js';

/**
 * What lies beside a file or folder under a hidden name: 'new' is being written, 'old' is being replaced by a new one,
 * and 'gone' is being deleted.
 */
export type Fate = 'new' | 'old' | 'gone';

const pattern = /^\.(?<name>.+)\.(?<pid>\d+)-(?<token>[0-9a-f]{8})\.(?<fate>new|old|gone)$/;

/** Tokens of the names that this process is working with. */
const inUse = new Set<string>();

/** Names beside a path for one piece of work, the writer's process id among them; `done` says that it is over. */
export function namesAside(path: string): { aside: (fate: Fate) => string; done: () => void } {
  const token = randomBytes(4).toString('hex');
  inUse.add(token);
  return {
    aside: (fate) => join(dirname(path), `.${basename(path)}.${pid}-${token}.${fate}`),
    done: () => void inUse.delete(token),
  };
}

/**
 * Clears away what writers that were killed have left in a folder, beside the file or folder `only` or beside all: what
 * is half-written is deleted, what was about to be replaced is put back. Returns how many there were. A folder that is
 * not there is clean. Throws a UserError that names what cannot be cleared away.
 */
export async function clearOrphans(dir: string, files: FileSystem = realFiles, only?: string): Promise<number> {
  const entries = await entriesOf(dir, files);
  let cleared = 0;
  for (const entry of entries) {
    const orphan = orphanOf(entry);
    if (!orphan || (only !== undefined && orphan.name !== only)) continue;
    const { name, fate } = orphan;
    const path = join(dir, entry);
    try {
      if (fate === 'old' && !entries.includes(name)) await files.rename(path, join(dir, name));
      else await files.rm(path, { recursive: true, force: true });
      cleared++;
    } catch (error) {
      throw new UserError(
        `${path} was left behind by a process that was stopped, and cannot be deleted: ${(error as Error).message}. ` +
          'Make its folder writable.',
        { cause: error },
      );
    }
  }
  return cleared;
}

/** What an entry of a folder is, if it is one of these and the process that made it has ended. */
function orphanOf(entry: string): { name: string; fate: Fate } | undefined {
  const { name, pid: writer, token, fate } = pattern.exec(entry)?.groups ?? {};
  if (name === undefined) return undefined;
  // A number of ours that we do not know is that of a process before us: in a container all have the same.
  const atWork = Number(writer) === pid ? inUse.has(token) : isAlive(Number(writer));
  return atWork ? undefined : { name, fate: fate as Fate };
}

async function entriesOf(dir: string, files: FileSystem): Promise<string[]> {
  try {
    return await files.readdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new UserError(`${dir} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}
