import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { reasonOf, UserError } from '../../errors.js';
import { joined, type Notebook } from '../run/notebook.js';
import { parseNotebook } from '../run/notebookFile.js';
import { LARGEST_NOTEBOOK, readBytes, tooLarge } from './document/documentFile.js';
import type { ListedNotebook } from './protocol.js';

const DEEPEST = 3;
/** Notebooks larger than this are listed without their title, which would have to be read. */
const LARGEST_TITLED = 10_000_000;
/** Folders whose notebooks are not for opening: what runs saved, packages, hidden ones. */
const passedOver = (name: string): boolean => name === 'outputs' || name === 'node_modules' || name.startsWith('.');

type About = Pick<ListedNotebook, 'title' | 'fault'>;

/** The folder whose notebooks are served; nothing outside of it is ever read or written. */
export class NotebookFolder {
  /** What was read for the list, so that only files that changed are read for it again. */
  private known = new Map<string, { stamp: string; about: About }>();

  private constructor(readonly root: string) {}

  static async open(folder: string): Promise<NotebookFolder> {
    return new NotebookFolder(await realpath(folder));
  }

  /** The file that a path names; throws a UserError for what is no notebook, or leads out of the folder or nowhere. */
  async locate(path: string): Promise<string> {
    const refuse = (why: string): never => {
      throw new UserError(`${shown(path)} ${why}`);
    };
    if (/\p{Cc}/u.test(path)) refuse('has control characters in its name; rename it');
    if (sep === '/' && path.includes('\\')) refuse('is not the path of a notebook');
    if (!path.toLowerCase().endsWith('.ipynb')) refuse('does not end in .ipynb');
    const file = resolve(this.root, path);
    if (isAbsolute(path) || !this.holds(file)) refuse('is outside of the folder of notebooks');
    // Only the plain way to a file: it is known by its path.
    if (this.pathOf(file) !== path) refuse('is not the path of a notebook');
    const real = await realpath(file).catch((error: NodeJS.ErrnoException) =>
      refuse(error.code === 'ELOOP' ? 'is a link that leads to itself' : 'does not exist'),
    );
    if (!this.holds(real)) refuse('is a link that leads out of the folder of notebooks');
    if (!(await stat(real)).isFile()) refuse('is not a file');
    return file;
  }

  /** Throws unless a file, wherever its folder's links lead, still lies in the folder; the file itself may be gone. */
  async check(file: string): Promise<void> {
    const folder = await realpath(join(file, '..'));
    const real = await realpath(file).catch(() => join(folder, basename(file)));
    if (!this.holds(real))
      throw new UserError(`${file} leads out of the folder of notebooks; nothing was read or saved`);
  }

  /** The path of a file below the folder, with slashes. */
  pathOf(file: string): string {
    return relative(this.root, file).split(sep).join('/');
  }

  /** The notebooks in the folder and the folders below, by name; of what cannot be opened, why. */
  async list(): Promise<ListedNotebook[]> {
    const known: typeof this.known = new Map();
    const listed: ListedNotebook[] = [];
    // One after another: together they might be more than fits the memory.
    for await (const [file, fault] of this.filesIn(this.root, DEEPEST)) {
      const path = this.pathOf(file) || '.';
      const found = await lstat(file).catch(() => undefined);
      const about = fault === undefined ? await this.aboutFile(file, known) : { title: '', fault };
      listed.push({ path, changed: found?.mtimeMs ?? 0, ...about });
    }
    this.known = known;
    return listed.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  private async aboutFile(file: string, known: typeof this.known): Promise<About> {
    try {
      await this.locate(this.pathOf(file));
      const { ino, size, mtimeMs } = await stat(file);
      const stamp = `${ino} ${size} ${mtimeMs}`;
      const before = this.known.get(file);
      const about = before?.stamp === stamp ? before.about : await read(file, this.pathOf(file), size);
      known.set(file, { stamp, about });
      return about;
    } catch (error) {
      return { title: '', fault: reasonOf(error) };
    }
  }

  /** What is called a notebook, and the folders that cannot be looked into, with the reason. */
  private async *filesIn(folder: string, depth: number): AsyncGenerator<[path: string, fault?: string]> {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => reasonOf(error));
    if (typeof entries === 'string') {
      yield [folder, `this folder cannot be read: ${entries}`];
      return;
    }
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.name.endsWith('.ipynb') && !entry.name.startsWith('.')) yield [path];
      else if (entry.isDirectory() && depth > 1 && !passedOver(entry.name)) yield* this.filesIn(path, depth - 1);
    }
  }

  private holds(path: string): boolean {
    return path.startsWith(this.root.endsWith(sep) ? this.root : this.root + sep);
  }
}

function shown(path: string): string {
  const short = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  return `'${short.replace(/\p{Cc}/gu, '\u{fffd}')}'`;
}

async function read(file: string, path: string, size: number): Promise<About> {
  if (size > LARGEST_NOTEBOOK) return { title: '', fault: `${shown(path)} ${tooLarge(size)}` };
  if (size > LARGEST_TITLED) return { title: '' };
  try {
    return { title: titleIn(parseNotebook((await readBytes(file)) ?? Buffer.of(), shown(path))) };
  } catch (error) {
    return { title: '', fault: reasonOf(error) };
  }
}

function titleIn({ cells }: Notebook): string {
  const prose = cells.filter((cell) => cell.cell_type === 'markdown').map((cell) => joined(cell.source));
  return /^#\s+(.+)$/m.exec(prose.join('\n'))?.[1].trim() ?? '';
}
