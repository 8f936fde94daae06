import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { reasonOf, UserError } from '../../../errors.js';
import { isObject, type Notebook } from '../../run/notebook.js';
import { notebookText } from '../../run/notebookFile.js';
import { DocumentFile } from './documentFile.js';

/** Where a notebook's draft lies: beside it, hidden from lists. */
export function draftPath(path: string): string {
  return join(dirname(path), `.${basename(path).replace(/\.ipynb$/i, '')}.draft.ipynb`);
}

/** A draft that was found. */
export interface FoundDraft {
  notebook: Notebook;
  /** When it was written, as ISO time. */
  time: string;
  /** The digest of the notebook's file that its changes were made in. */
  of: string;
}

/**
 * The changes that are not in a notebook's file yet, kept in a file of their own: the whole notebook, and what it is a
 * draft of.
 */
export class Draft {
  private readonly file: DocumentFile;

  constructor(private readonly of: DocumentFile) {
    this.file = new DocumentFile(draftPath(of.path), of.check);
  }

  /**
   * The draft that lies beside the file. One that says what `saved` says is none: its changes were saved. Throws a
   * UserError where it cannot be read.
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

  /** Writes the draft. Throws a UserError where it cannot be written, or is another program's. */
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

  /** Deletes the draft, if there is one and it is the one that was read or written here. */
  async remove(): Promise<void> {
    if ((await this.file.look()) !== 'same') return;
    await rm(this.file.path, { force: true }).catch((error: unknown) => {
      throw new UserError(`the draft ${this.file.path} cannot be deleted: ${reasonOf(error)}`);
    });
    await this.file.accept();
  }
}
