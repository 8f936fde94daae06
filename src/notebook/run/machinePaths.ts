import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** The project a folder belongs to: the nearest folder upwards with a package.json, or the folder itself. */
export function projectOf(folder: string): string {
  for (let candidate = folder; ; candidate = dirname(candidate)) {
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (dirname(candidate) === candidate) return folder;
  }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * A function that takes the places of this machine out of a text: paths in the project become relative to it, the home
 * folder becomes `~`. What a notebook says then does not depend on who ran it, and gives nobody away.
 */
export function machinePathRemover(folder: string, home: string = homedir()): (text: string) => string {
  const project = projectOf(folder);
  const roots = [...new Set([project, realpathSync(project)])].filter((root) => root !== dirname(root));
  const homes = [home].filter((path) => path !== dirname(path));
  const ends = '(?![\\w.-])';
  const replacements: [RegExp, string][] = [
    ...roots.map((root): [RegExp, string] => [new RegExp(`(file://)?${escaped(root)}[\\\\/]`, 'g'), '']),
    ...roots.map((root): [RegExp, string] => [new RegExp(`(file://)?${escaped(root)}${ends}`, 'g'), '.']),
    ...homes.map((path): [RegExp, string] => [new RegExp(`(file://)?${escaped(path)}${ends}`, 'g'), '~']),
  ];
  return (text) => replacements.reduce((cleaned, [path, short]) => cleaned.replace(path, short), text);
}
