import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { UserError } from '../../errors.js';
import type { ListedNotebook } from './protocol.js';

const DEEPEST = 3;
/** Folders whose notebooks are not for opening: what runs saved, packages, hidden ones. */
const passedOver = (name: string): boolean => name === 'outputs' || name === 'node_modules' || name.startsWith('.');

/** The folder whose notebooks are served; nothing outside of it is ever read or written. */
export class NotebookFolder {
  private constructor(readonly root: string) {}

  /** Opens a folder; throws when there is none. */
  static async open(folder: string): Promise<NotebookFolder> {
    return new NotebookFolder(await realpath(folder));
  }

  /**
   * The file that a path below the folder names. Throws a UserError for a path that is not a notebook's, that leads out of the
   * folder, also by a symbolic link, or that leads nowhere.
   */
  async locate(path: string): Promise<string> {
    const refuse = (why: string): never => {
      throw new UserError(`'${path}' ${why}`);
    };
    if (path.includes('\0') || (sep === '/' && path.includes('\\'))) refuse('is not the path of a notebook');
    if (!path.toLowerCase().endsWith('.ipynb')) refuse('does not end in .ipynb');
    const file = resolve(this.root, path);
    if (isAbsolute(path) || !this.holds(file)) refuse('is outside of the folder of notebooks');
    const real = await realpath(file).catch(() => refuse('does not exist'));
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

  /** The notebooks in the folder and the folders below, by name. */
  async list(): Promise<ListedNotebook[]> {
    const files = await this.filesIn(this.root, DEEPEST);
    const listed = await Promise.all(
      files.map(async (file) => {
        const [text, { mtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
        return { path: this.pathOf(file), title: titleIn(text), changed: mtimeMs };
      }),
    );
    return listed.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  private async filesIn(folder: string, depth: number): Promise<string[]> {
    const entries = await readdir(folder, { withFileTypes: true });
    const found = await Promise.all(
      entries.map(async (entry): Promise<string[]> => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return depth > 1 && !passedOver(entry.name) ? this.filesIn(path, depth - 1) : [];
        const inside = entry.name.endsWith('.ipynb') && !entry.name.startsWith('.');
        return inside && (await this.locate(this.pathOf(path)).catch(() => undefined)) ? [path] : [];
      }),
    );
    return found.flat();
  }

  private holds(path: string): boolean {
    return path.startsWith(this.root.endsWith(sep) ? this.root : this.root + sep);
  }
}

/** The first heading of level 1 in a notebook's text; empty where there is none, or no notebook. */
function titleIn(text: string): string {
  try {
    const { cells } = JSON.parse(text) as { cells: { cell_type: string; source: string | string[] }[] };
    const prose = cells.filter((cell) => cell.cell_type === 'markdown').map((cell) => [cell.source].flat().join(''));
    return /^#\s+(.+)$/m.exec(prose.join('\n'))?.[1].trim() ?? '';
  } catch {
    return '';
  }
}
