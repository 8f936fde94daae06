import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { sync as writeFileAtomic } from 'write-file-atomic';
import { UserError } from '../../errors.js';

/**
 * Saves a value as JSON beside the notebook, in outputs/NOTEBOOK/FILE of the folder it runs in, and returns that path.
 *
 * The file is written whole or not at all. Throws a UserError for a name that is a path.
 */
export function saveOutput(notebook: string, file: string, value: unknown): string {
  for (const name of [notebook, file]) {
    if (basename(name) !== name || name === '' || name === '..') {
      throw new UserError(`An output is saved under plain names, not paths; received '${name}'.`);
    }
  }
  const folder = join('outputs', notebook);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, file);
  writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
  return path;
}
