import { readFileSync, realpathSync, statSync } from 'node:fs';
import { extname, isAbsolute, relative, resolve, sep } from 'node:path';

const types: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.svg': 'image/svg+xml',
};

const LARGEST = 20_000_000;

/** A function that gives the pictures in a notebook's folder as data: addresses; none from outside of it, and nothing else. */
export function picturesIn(folder: string): (path: string) => string | undefined {
  return (path) => {
    const type = types[extname(path).toLowerCase()];
    if (type === undefined) return undefined;
    try {
      const file = realpathSync(resolve(folder, path));
      const below = relative(realpathSync(folder), file);
      if (isAbsolute(path) || isAbsolute(below) || below.split(sep)[0] === '..') return undefined;
      const stats = statSync(file);
      if (!stats.isFile() || stats.size > LARGEST || types[extname(file).toLowerCase()] !== type) return undefined;
      return `data:${type};base64,${readFileSync(file).toString('base64')}`;
    } catch {
      // There is none of that name, or it may not be read.
      return undefined;
    }
  };
}
