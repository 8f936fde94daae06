import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.js';
import { packageRoot } from '../jupyter/jupyterPaths.js';

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/**
 * The file that a notebook's name means: a path (with or without `.ipynb`), or the beginning of a name in
 * `notebooks/` of the working folder or of this project, such as `01`. Throws UserError when there is none or more than one.
 */
export function resolveNotebook(name: string, cwd: string = process.cwd()): string {
  const paths = [resolve(cwd, name), resolve(cwd, `${name}.ipynb`)];
  const path = paths.find(isFile);
  if (path) return path;
  const places = [join(cwd, 'notebooks'), join(packageRoot, 'notebooks')].filter((folder) => existsSync(folder));
  const folders = [...new Set(places)];
  for (const folder of folders) {
    const names = readdirSync(folder).filter((file) => file.endsWith('.ipynb'));
    const matches = names.filter((file) => file === `${name}.ipynb` || file.startsWith(`${name}-`));
    if (matches.length === 1) return join(folder, matches[0]);
    if (matches.length > 1) throw new UserError(`'${name}' could be ${matches.join(' or ')}; write more of the name`);
  }
  const found = folders.flatMap((folder) => readdirSync(folder)).filter((file) => file.endsWith('.ipynb'));
  const known = [...new Set(found)];
  const offer = known.length > 0 ? `; did you mean ${closest(name, known)}? There are: ${known.join(', ')}` : '';
  throw new UserError(`there is no notebook ${name}${offer}`);
}
