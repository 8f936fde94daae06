import { randomBytes } from 'node:crypto';
import { lstat, readdir, realpath, rename, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { reasonOf, UserError } from '../../errors.js';
import { type Cell, joined, newCell, type Notebook } from '../run/notebook.js';
import { notebookText, parseNotebook } from '../run/notebookFile.js';
import { LARGEST_NOTEBOOK, readBytes, takeName, tooLarge, writeNew, draftPath } from './document/documentFile.js';
import type { ListedNotebook } from './protocol.js';

const DEEPEST = 3;
/** Notebooks with more bytes than this are listed without their title, which would have to be read. */
const LARGEST_TITLED = 10_000_000;
/** Whether a folder's notebooks are not listed: outputs of runs, packages, hidden folders. */
const passedOver = (name: string): boolean => name === 'outputs' || name === 'node_modules' || name.startsWith('.');

type About = Pick<ListedNotebook, 'title' | 'fault'>;

/** The folder whose notebooks are served; nothing outside it is ever read or written. */
export class NotebookFolder {
  /** What was read for the list, so that only changed files are read again. */
  private known = new Map<string, { stamp: string; about: About }>();

  private constructor(readonly root: string) {}

  static async open(folder: string): Promise<NotebookFolder> {
    return new NotebookFolder(await realpath(folder));
  }

  /** The file of a path; throws a UserError if it is not a notebook, does not exist, or leads out of the folder. */
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
   * The file that a new notebook at a path would have; throws a UserError if it could not be there, or would not be
   * listed.
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

  /** Creates a notebook to start from, under an unused name; returns its path. */
  async create(): Promise<string> {
    return this.pathOf(await writeNew(join(this.root, 'untitled'), '.ipynb', notebookText(firstNotebook())));
  }

  /** Moves a notebook and its draft to another path; throws a UserError if that is taken. */
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
   * The file of a notebook's path in its plain form, whether or not the file exists; throws a UserError for other
   * paths.
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

  /** Throws unless a file, after following links, is still in the folder; it and the folders above it may be gone. */
  async check(file: string): Promise<void> {
    if (!this.holds(await this.realOf(file)))
      throw new UserError(`${file} leads out of the folder of notebooks; nothing was read or saved`);
  }

  /** The path of a file relative to the folder, with slashes. */
  pathOf(file: string): string {
    return relative(this.root, file).split(sep).join('/');
  }

  /**
   * The notebooks in the folder and the folders below it, sorted by path; those that cannot be opened with the reason.
   */
  async list(): Promise<ListedNotebook[]> {
    const known: typeof this.known = new Map();
    const listed: ListedNotebook[] = [];
    // One after another: together they might not fit into memory.
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

  /** The files named as notebooks, and the folders that cannot be read, with the reason. */
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

  /** The path after following links; for a path that is gone, where it would be. */
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

/** The content of a new notebook: a title, parameters, and code that uses them. */
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
