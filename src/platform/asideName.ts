import { basename, dirname, isAlive, join, pid, randomBytes } from '#platform';
import { UserError } from '../errors.js';
import { realFiles, type FileSystem } from './fileSystem.js';

/**
 * The kinds of hidden entries beside a file or folder: 'new' is being written, 'old' is being replaced by a new
 * version, and 'gone' is being deleted.
 */
export type Fate = 'new' | 'old' | 'gone';

const pattern = /^\.(?<name>.+)\.(?<pid>\d+)-(?<token>[0-9a-f]{8})\.(?<fate>new|old|gone)$/;

/** Tokens of the names that this process is currently using. */
const inUse = new Set<string>();

/**
 * Returns names beside a path for one operation; they include the writer's process id. Call `done` when the operation
 * is over.
 */
export function namesAside(path: string): { aside: (fate: Fate) => string; done: () => void } {
  const token = randomBytes(4).toString('hex');
  inUse.add(token);
  return {
    aside: (fate) => join(dirname(path), `.${basename(path)}.${pid}-${token}.${fate}`),
    done: () => void inUse.delete(token),
  };
}

/**
 * Clears away what killed writers have left in a folder, beside the file or folder `only` or beside all: deletes
 * half-written entries and puts back those that were about to be replaced. Returns how many there were: 0 if the folder
 * does not exist. Throws a UserError that names an entry that cannot be cleared away.
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

/** Parses the name of a hidden entry; undefined for any other entry, and if the process that made it still runs. */
function orphanOf(entry: string): { name: string; fate: Fate } | undefined {
  const { name, pid: writer, token, fate } = pattern.exec(entry)?.groups ?? {};
  if (name === undefined) return undefined;
  // Our own process id with a token that we do not know comes from an earlier process: in a container every process may
  // have the same id.
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
