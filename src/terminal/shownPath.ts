import { isAbsolute, relative } from 'node:path';

/** A path as a person would type it: from the current folder if it lies below it, else in full. */
export function shownPath(path: string): string {
  const below = relative(process.cwd(), path);
  return below === '' || below.startsWith('..') || isAbsolute(below) ? path : below;
}
