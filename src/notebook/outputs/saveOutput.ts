import { basename, join } from 'node:path';
import { UserError } from '../../errors.js';
import { jsonFile, writeFileWholeSync } from '../../platform/writeFile.js';

/**
 * Saves a value as JSON beside the notebook, in outputs/NOTEBOOK/FILE of the folder it runs in, and returns that path.
 *
 * The file is written whole or not at all. Throws a UserError for a name that is a path, and
 * where the file cannot be written or is no JSON.
 */
export function saveOutput(notebook: string, file: string, value: unknown): string {
  for (const name of [notebook, file]) {
    if (basename(name) !== name || name === '' || name === '..') {
      throw new UserError(`An output is saved under plain names, not paths; received '${name}'.`);
    }
  }
  const path = join('outputs', notebook, file);
  writeFileWholeSync(path, `${JSON.stringify(value, null, 2)}\n`, jsonFile);
  return path;
}
