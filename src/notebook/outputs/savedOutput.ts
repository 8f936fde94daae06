import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UserError } from '../../errors.js';

/**
 * Reads JSON that lies beside the notebook, in outputs/NOTEBOOK/FILE of the folder it runs in; undefined where there is
 * none. Throws a UserError for a file that is not JSON.
 */
export function savedOutput<T>(notebook: string, file: string): T | undefined {
  const path = join('outputs', basename(notebook), basename(file));
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    throw new UserError(`${path} must be JSON: ${(error as Error).message}. Delete it, or make it anew.`);
  }
}
