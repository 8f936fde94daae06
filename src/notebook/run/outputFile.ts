import { statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { UserError } from '../../errors.js';
import type { FileKind } from '../../platform/writeFile.js';

/** A kind of file that a command is asked to write. */
export interface OutputKind extends FileKind {
  /** The endings that its file may have, the usual one first. */
  endings: string[];
  /** What to do instead, for some other endings. */
  instead?: Record<string, string>;
}

/** Throws a UserError for the name of a folder, and for one whose ending is not that of a file of this kind. */
export function requireEnding(output: string, { name, endings, instead = {} }: OutputKind): void {
  if (/[\\/]$/.test(output) || isFolder(output)) {
    throw new UserError(`${output} is a folder; name a file in it, such as ${join(output, `executed${endings[0]}`)}`);
  }
  const ending = extname(output).toLowerCase();
  if (endings.includes(ending)) return;
  const named = join(dirname(output), `${basename(output, extname(output))}${endings[0]}`);
  const rather = instead[ending] ?? `write -o ${named}, or -o - for standard output`;
  throw new UserError(
    `${name} is written to a file that ends in ${endings.join(' or ')}; received ${output}: ${rather}`,
  );
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
