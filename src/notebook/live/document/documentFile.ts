import { constants } from 'node:fs';
import { open, stat, unlink, writeFile, rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { basename, dirname, extname, join } from 'node:path';
import { reasonOf, UserError } from '../../../errors.js';
import { newFile, writeFileWhole } from '../../../platform/writeFile.js';
import { isObject } from '../../../formats/json.js';
import { type Notebook } from '../../run/notebook.js';
import { notebookFile, notebookText, parseNotebook } from '../../run/notebookFile.js';

export const LARGEST_NOTEBOOK = 100_000_000;

/**
 * Reads a file's bytes; undefined if there is no file. Throws a UserError if it is too large, cannot be read, or is not
 * a regular file, because reading might then never end.
 */
export async function readBytes(path: string): Promise<Buffer | undefined> {
  // Opening a pipe would otherwise wait for a writer.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UserError(`${path} cannot be read: ${reasonOf(error)}`);
  });
  if (!file) return undefined;
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new UserError(`${path} is not a file`);
    if (stats.size > LARGEST_NOTEBOOK) throw new UserError(`${path} ${tooLarge(stats.size)}`);
    return await file.readFile();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} cannot be read: ${reasonOf(error)}`);
  } finally {
    await file.close();
  }
}

/** The message about a notebook that is too large, with its size in bytes. */
export function tooLarge(size: number): string {
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  return `has ${megabytes(size)}; notebooks of up to ${megabytes(LARGEST_NOTEBOOK)} are opened. Clear its outputs`;
}

/** What has happened to a file since it was last read or written here. */
export type FileState = 'same' | 'changed' | 'gone';

const digest = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
/** The known state of a file that cannot be read: no bytes have this digest. */
const UNREADABLE = 'unreadable';

/** The file of an open notebook: written as a whole, but never if another program has changed it meanwhile. */
export class DocumentFile {
  private known = '';
  private stamp = '';
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly path: string,
    /** Throws if a path no longer leads to a place that may be written. */
    readonly check: (path: string) => Promise<void> = () => Promise.resolve(),
  ) {}

  /** Reads the notebook, which becomes the known state. Throws a UserError if it is missing or not a notebook. */
  async read(): Promise<Notebook> {
    await this.check(this.path);
    const stamp = await this.stampNow();
    const bytes = await readBytes(this.path);
    if (!bytes) throw new UserError(`there is no notebook ${this.path}`);
    const notebook = parseNotebook(bytes, this.path);
    this.remember(digest(bytes), stamp);
    return notebook;
  }

  /** The digest of the file's known state. */
  get digest(): string {
    return this.known;
  }

  /** Sets the known state by its digest; the file on disk may be newer. */
  expect(digest: string): void {
    this.remember(digest, '');
  }

  /** When the file was last changed; undefined if there is none. */
  async changed(): Promise<Date | undefined> {
    return (await stat(this.path).catch(() => undefined))?.mtime;
  }

  async look(): Promise<FileState> {
    const stamp = await this.stampNow();
    if (stamp === this.stamp) return 'same';
    const now = await this.digestNow();
    if (now === '') return 'gone';
    if (now !== this.known) return 'changed';
    this.remember(now, stamp);
    return 'same';
  }

  /** Accepts what is on disk now as the known state, so that the next `write` replaces it. */
  async accept(): Promise<void> {
    const stamp = await this.stampNow();
    this.remember(await this.digestNow(), stamp);
  }

  /**
   * Writes the notebook unless the file is no longer in its known state; returns the state found. Writes wait for each
   * other. Throws a UserError that names the file and the cause if it cannot be written.
   */
  async write(notebook: Notebook): Promise<FileState> {
    const text = this.textOf(notebook);
    const result = this.last.then(() => this.writeText(text));
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Writes the notebook beside its file, or into another folder, under an unused name; returns the path. */
  async writeCopy(notebook: Notebook, folder: string = dirname(this.path)): Promise<string> {
    const text = this.textOf(notebook);
    if (folder === dirname(this.path)) await this.check(join(folder, 'copy.ipynb'));
    const time = new Date().toISOString().slice(0, 19).replace(/[:T]/g, '-');
    return writeNew(join(folder, `${basename(this.path, extname(this.path))}-copy-${time}`), extname(this.path), text);
  }

  private async writeText(text: string): Promise<FileState> {
    await this.check(this.path);
    const state = await this.look();
    if (state === 'changed' || (state === 'gone' && this.known !== '')) return state;
    await writeFileWhole(this.path, text, notebookFile);
    this.remember(digest(text), await this.stampNow());
    return 'same';
  }

  /** The text of a notebook's file; throws a UserError if the notebook is too large. */
  textOf(notebook: Notebook): string {
    try {
      return notebookText(notebook);
    } catch (error) {
      // The text is longer than a string can be: only an output is that large.
      throw unwritten(
        this.path,
        `${reasonOf(error)}; an output is too large: have its cell put out less, or delete the cell`,
      );
    }
  }

  /** The stamp must be older than the digest, so that a change between the two is noticed. */
  private remember(known: string, stamp: string): void {
    this.known = known;
    this.stamp = stamp;
  }

  private async digestNow(): Promise<string> {
    const bytes = await readBytes(this.path).catch(() => null);
    if (bytes === null) return UNREADABLE;
    return bytes ? digest(bytes) : '';
  }

  /** A stamp that is cheap to get and differs after almost every change. */
  private async stampNow(): Promise<string> {
    const now = await stat(this.path).catch(() => undefined);
    return now ? `${now.ino} ${now.size} ${now.mtimeMs}` : 'gone';
  }
}

/** Writes a whole new file under an unused name: the stem, a number if needed, and the ending. Returns its path. */
export async function writeNew(stem: string, ending: string, text: string): Promise<string> {
  for (let number = 1; ; number++) {
    const path = `${stem}${number === 1 ? '' : `-${number}`}${ending}`;
    if (!(await takeName(path))) continue;
    try {
      await writeFileWhole(path, text, newFile);
      return path;
    } catch (error) {
      await unlink(path).catch(() => undefined);
      throw error;
    }
  }
}

/** Reserves a name by creating an empty file; returns whether the name was free. */
export async function takeName(path: string): Promise<boolean> {
  try {
    await writeFile(path, '', { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritten(path, error);
    return false;
  }
}

const unwritten = (path: string, error: unknown): UserError =>
  new UserError(`${path} cannot be written: ${reasonOf(error)}`);

/** The path of a notebook's draft: beside the notebook, hidden from lists. */
export function draftPath(path: string): string {
  return join(dirname(path), `.${basename(path).replace(/\.ipynb$/i, '')}.draft.ipynb`);
}

/** A draft that was found. */
export interface FoundDraft {
  notebook: Notebook;
  /** When it was written, as ISO time. */
  time: string;
  /** The digest of the notebook's file to which its changes were made. */
  of: string;
}

/**
 * Keeps changes that are not in a notebook's file yet in a separate file: the whole notebook, and the digest of the
 * file that it is a draft of.
 */
export class Draft {
  private readonly file: DocumentFile;

  constructor(private readonly of: DocumentFile) {
    this.file = new DocumentFile(draftPath(of.path), of.check);
  }

  /**
   * Returns the draft beside the file, if there is one. A draft that equals `saved` is deleted: its changes were saved.
   * Throws a UserError if it cannot be read.
   */
  async find(saved: Notebook): Promise<FoundDraft | undefined> {
    const time = await this.file.changed();
    if (time === undefined) return undefined;
    const { metadata, ...notebook } = await this.file.read();
    const { draft, ...kept } = metadata;
    const found: Notebook = { ...notebook, metadata: kept };
    const of = isObject(draft) && typeof draft.of === 'string' ? draft.of : '';
    if (notebookText(found) !== notebookText(saved)) return { notebook: found, time: time.toISOString(), of };
    await this.remove();
    return undefined;
  }

  /** Writes the draft. Throws a UserError if it cannot be written, or if another program writes it. */
  async write(notebook: Notebook): Promise<void> {
    const draft = { ...notebook, metadata: { ...notebook.metadata, draft: { of: this.of.digest } } };
    let state = await this.file.write(draft);
    if (state === 'gone') {
      await this.file.accept();
      state = await this.file.write(draft);
    }
    if (state === 'same') return;
    throw new UserError(`${this.file.path} is a draft that another program writes: save, or close the notebook there`);
  }

  /** Deletes the draft if it exists and is the one that was read or written here. */
  async remove(): Promise<void> {
    if ((await this.file.look()) !== 'same') return;
    await rm(this.file.path, { force: true }).catch((error: unknown) => {
      throw new UserError(`the draft ${this.file.path} cannot be deleted: ${reasonOf(error)}`);
    });
    await this.file.accept();
  }
}
