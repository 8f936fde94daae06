import { basename, existsSync, join, readFileSync } from '#platform';
import { UserError } from '../errors.js';
import { jsonFile, writeFileWholeSync } from '../platform/writeFile.js';

/**
 * Saves a value as JSON in outputs/NOTEBOOK/FILE of the folder in which the notebook runs, atomically, and returns that
 * path. Throws a UserError if a name is a path, the file cannot be written or the value has no JSON.
 */
export function saveOutput(notebook: string, file: string, value: unknown): string {
  for (const name of [notebook, file]) {
    if (basename(name) !== name || ['', '.', '..'].includes(name)) {
      throw new UserError(`An output must be saved under a plain name, not a path; received '${name}'.`);
    }
  }
  const path = join('outputs', notebook, file);
  writeFileWholeSync(path, `${jsonOf(path, value)}\n`, jsonFile);
  return path;
}

function jsonOf(path: string, value: unknown): string {
  try {
    const text = JSON.stringify(value, null, 2) as string | undefined;
    if (text !== undefined) return text;
  } catch (error) {
    throw new UserError(`${path} is not written: ${(error as Error).message}. Save plain objects, lists and values.`, {
      cause: error,
    });
  }
  throw new UserError(`${path} is not written: a value of type ${typeof value} is not JSON. Save an object or a list.`);
}

/** Renames the key "course", by which files of version 0.1 call the history of a run. */
const renamed = (text: string): string => text.replaceAll(/"course":(?=\s*\{\s*"epochs":)/g, '"history":');

/**
 * Reads outputs/NOTEBOOK/FILE beside the notebook; undefined if there is none. Throws a UserError if it is not JSON.
 */
export function savedOutput<T>(notebook: string, file: string): T | undefined {
  const path = join('outputs', basename(notebook), basename(file));
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(renamed(readFileSync(path, 'utf8'))) as T;
  } catch (error) {
    throw new UserError(`${path} must be JSON: ${(error as Error).message}. Delete it, or create it again.`);
  }
}
