import { randomBytes } from 'node:crypto';
import { lstat, readdir, realpath, rename, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { reasonOf, UserError } from '../../errors.js';
import { type Cell, joined, newCell, type Notebook } from '../run/notebook.js';
import { notebookText, parseNotebook } from '../run/notebookFile.js';
import { LARGEST_NOTEBOOK, readBytes, takeName, tooLarge, writeNew, draftPath } from './document/documentFile.js';
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
    const file = this.fileOf(path);
    const real = await realpath(file).catch((error: NodeJS.ErrnoException) =>
      refuse(path, error.code === 'ELOOP' ? 'is a link that leads to itself' : 'does not exist'),
    );
    if (!this.holds(real)) refuse(path, 'is a link that leads out of the folder of notebooks');
    if (!(await stat(real)).isFile()) refuse(path, 'is not a file');
    return file;
  }

  /**
   * The file that a new notebook at a path would be; throws a UserError for one that could not be there, or not be
   * seen.
   */
  async place(path: string): Promise<string> {
    const file = this.fileOf(path);
    const folders = path.split('/').slice(0, -1);
    if (basename(file).startsWith('.')) refuse(path, 'would be hidden: a name that begins with a dot is not listed');
    if (folders.length >= DEEPEST || folders.some(passedOver)) refuse(path, 'is in a folder that is not listed');
    const folder = await realpath(dirname(file)).catch(() => refuse(path, 'is in a folder that does not exist'));
    if (folder !== this.root && !this.holds(folder)) refuse(path, 'leads out of the folder of notebooks');
    return file;
  }

  /** Makes a notebook to begin with, under a name that is not taken; returns its path. */
  async create(): Promise<string> {
    return this.pathOf(await writeNew(join(this.root, 'untitled'), '.ipynb', notebookText(firstNotebook())));
  }

  /** Gives a notebook, and what is kept of it in a draft, another path; throws a UserError where that is taken. */
  async rename(path: string, to: string): Promise<string> {
    const file = await this.locate(path);
    const target = await this.place(to);
    if (!(await takeName(target))) refuse(to, 'exists already; choose another name');
    await rename(file, target);
    await rename(draftPath(file), draftPath(target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    return to;
  }

  /**
   * The place of a path that is a notebook's, in the plain way, whether or not anything is there; throws a UserError
   * for other paths.
   */
  fileOf(path: string): string {
    if (/\p{Cc}/u.test(path)) refuse(path, 'has control characters in its name; rename it');
    if (sep === '/' && path.includes('\\')) refuse(path, 'is not the path of a notebook');
    if (!path.toLowerCase().endsWith('.ipynb')) refuse(path, 'does not end in .ipynb');
    const file = resolve(this.root, path);
    if (isAbsolute(path) || !this.holds(file)) refuse(path, 'is outside of the folder of notebooks');
    if (this.pathOf(file) !== path) refuse(path, 'is not the path of a notebook');
    return file;
  }

  /**
   * Throws unless a file, wherever links lead, still lies in the folder; it may be gone, and the folders above it too.
   */
  async check(file: string): Promise<void> {
    if (!this.holds(await this.realOf(file)))
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
      const dirty = await lstat(draftPath(file)).then(
        () => ({ dirty: true }),
        () => ({}),
      );
      listed.push({ path, changed: found?.mtimeMs ?? 0, ...about, ...dirty });
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

  /** Where links lead; of what is gone, where it would be. */
  private async realOf(path: string): Promise<string> {
    if (path === this.root) return realpath(path).catch(() => path);
    return realpath(path).catch(async () => join(await this.realOf(dirname(path)), basename(path)));
  }

  private holds(path: string): boolean {
    return path.startsWith(this.root.endsWith(sep) ? this.root : this.root + sep);
  }
}

function refuse(path: string, why: string): never {
  throw new UserError(`${shown(path)} ${why}`);
}

/** What a new notebook holds: a title, parameters, and code that uses them. */
function firstNotebook(): Notebook {
  const id = (): string => randomBytes(4).toString('hex');
  const code = (source: string[], tags?: string[]): Cell =>
    newCell('code', { id: id(), metadata: tags ? { tags } : {}, source });
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: [
      newCell('markdown', { id: id(), metadata: {}, source: ['# Untitled'] }),
      code(['const rate = 0.5; // what it is, 0 to 1'], ['parameters']),
      code(['console.log(rate);']),
    ],
  };
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
