import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { UserError } from '../../../errors.js';
import { newFile, writeFileWhole } from '../../../platform/writeFile.js';
import { notebookFile, notebookText, parseNotebook, type Notebook } from '../../run/index.js';

/** What has become of a file since it was last read or written here. */
export type FileState = 'same' | 'changed' | 'gone';

const digest = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** The file of an open notebook: it is replaced whole, and never over what somebody else has written meanwhile. */
export class DocumentFile {
  private known = '';
  private stamp = '';
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly path: string,
    /** Throws when the path no longer leads to a place that may be written. */
    private readonly check: () => Promise<void> = () => Promise.resolve(),
  ) {}

  /** Reads the notebook; from now on this is the known state. Throws a UserError when it is none. */
  async read(): Promise<Notebook> {
    await this.check();
    const bytes = await readFile(this.path).catch((error: NodeJS.ErrnoException) => {
      throw new UserError(error.code === 'ENOENT' ? `there is no notebook ${this.path}` : error.message);
    });
    const notebook = parseNotebook(bytes.toString(), this.path);
    await this.remember(digest(bytes));
    return notebook;
  }

  /** Compares the file with what was last read or written. */
  async look(): Promise<FileState> {
    if ((await this.stampNow()) === this.stamp) return 'same';
    const bytes = await readFile(this.path).catch(() => undefined);
    if (!bytes) return 'gone';
    const now = digest(bytes);
    if (now !== this.known) return 'changed';
    await this.remember(now);
    return 'same';
  }

  /** Accepts what is on the disk now as known, without reading it: the next `write` replaces it. */
  async accept(): Promise<void> {
    const bytes = await readFile(this.path).catch(() => undefined);
    await this.remember(bytes ? digest(bytes) : '');
  }

  /** Writes the notebook unless the file is no longer the known one; says what it found. Saves wait for one another. */
  write(notebook: Notebook): Promise<FileState> {
    const text = notebookText(notebook);
    const result = this.last.then(() => this.writeText(text));
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Writes the notebook beside its file, under a name that is not taken; returns that path. */
  async writeCopy(notebook: Notebook): Promise<string> {
    const ending = extname(this.path);
    const stem = this.path.slice(0, -ending.length || undefined);
    const time = new Date().toISOString().slice(0, 19).replace(/[:T]/g, '-');
    const copy = `${stem}-copy-${time}${ending}`;
    await writeFileWhole(copy, notebookText(notebook), newFile);
    return copy;
  }

  private async writeText(text: string): Promise<FileState> {
    await this.check();
    const state = await this.look();
    if (state === 'changed' || (state === 'gone' && this.known !== '')) return state;
    await writeFileWhole(this.path, text, notebookFile);
    await this.remember(digest(text));
    return 'same';
  }

  private async remember(known: string): Promise<void> {
    this.known = known;
    this.stamp = await this.stampNow();
  }

  /** Cheap to ask for, and different after almost every change. */
  private async stampNow(): Promise<string> {
    const now = await stat(this.path).catch(() => undefined);
    return now ? `${now.ino} ${now.size} ${now.mtimeMs}` : 'gone';
  }
}
