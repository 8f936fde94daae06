import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../errors.js';

/** The note that lies beside the data files and says where they come from. */
export const originFile = 'origin.json';

/** Content of the note: written by the downloader, or by hand to give a copy of one's own a name. */
export interface Origin {
  /** What results are signed with: "CIFAR-10 (JPEG copy)". */
  name: string;
  /** SHA-256 of the archive that the files were taken from. */
  archiveSha256?: string;
  /** SHA-256 of each data file; a file that no longer has it is refused. */
  files?: Record<string, string>;
}

/** SHA-256 of bytes, as lower-case hexadecimal digits. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Reads the note in a folder; undefined where there is none. Throws a UserError where it is not such a note. */
export async function readOrigin(folder: string): Promise<Origin | undefined> {
  const path = join(folder, originFile);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const rule = `${path} must be JSON like {"name": "CIFAR-10 (my copy)"}`;
  let note: unknown;
  try {
    note = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${rule}; it cannot be parsed: ${(error as Error).message}`);
  }
  const { name, archiveSha256, files } = (note ?? {}) as Record<string, unknown>;
  if (typeof name !== 'string' || name.trim() === '') {
    throw new UserError(`${rule}, with a non-empty text as its name; received ${JSON.stringify(name) ?? 'none'}`);
  }
  if (archiveSha256 !== undefined && typeof archiveSha256 !== 'string') {
    throw new UserError(`${rule}; archiveSha256, where given, is a text; received ${JSON.stringify(archiveSha256)}`);
  }
  const isMap = typeof files === 'object' && files !== null && !Array.isArray(files);
  if (files !== undefined && !(isMap && Object.values(files).every((hash) => typeof hash === 'string'))) {
    throw new UserError(`${rule}; files, where given, maps file names to SHA-256; received ${JSON.stringify(files)}`);
  }
  return { name, archiveSha256, files: files as Record<string, string> | undefined };
}
