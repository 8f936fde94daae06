import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** The project to which a folder belongs: the nearest folder upwards with a package.json, or the folder itself. */
function projectOf(folder: string): string {
  for (let candidate = folder; ; candidate = dirname(candidate)) {
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (dirname(candidate) === candidate) return folder;
  }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

export type Clean = (text: string) => string;

const letter = '[\\p{L}\\p{N}_]';
/** Matches where a word begins, also after a colour code or after the `\n` of a quoted text. */
const start = (inside: string): string => `(?<=^|[^\\p{L}\\p{N}_${inside}]|\\x1b\\[[\\d;]*m|\\\\[nrt])`;
/** Addresses, even those that contain a path, and images in base64: they stay. A `file:` address is a path. */
const address =
  `${start('+.-')}(?!file:)[a-zA-Z][a-zA-Z\\d+.-]{0,30}://[^\\s"'<>\`]*|` +
  `\\bdata:[\\w.+-]+/[\\w.+-]+[;,][^\\s"'<>\`)]*`;
const pathStart = `${start('.~/\\\\+-')}(?:file://)?`;
const pathEnd = `(?!${letter}|[.-]${letter})`;

/**
 * Returns a function that makes paths in the project relative to it and replaces the home folder by `~`, so that paths
 * contain no user names.
 */
export function machinePathRemover(folder: string, home: string = homedir()): Clean {
  const project = projectOf(folder);
  const withoutLinks = (path: string): string => (existsSync(path) ? realpathSync(path) : path);
  const isPlace = (path: string): boolean => path !== '' && path !== dirname(path);
  const roots = [project, withoutLinks(project)].filter(isPlace);
  const homes = [home, withoutLinks(home)].filter(isPlace);
  const oneOf = (places: string[]): string => `${pathStart}(?:${places.map(escaped).join('|')})`;
  const patterns = [`(?<address>${address})`];
  if (roots.length > 0) {
    patterns.push(`(?<inside>${oneOf(roots)}[\\\\/](?=[@.]?${letter}))`, `(?<project>${oneOf(roots)}${pathEnd})`);
  }
  if (homes.length > 0) patterns.push(`(?<home>${oneOf(homes)}${pathEnd})`);
  const pattern = new RegExp(patterns.join('|'), 'gu');
  return (text) => {
    if (![...roots, ...homes].some((place) => text.includes(place))) return text;
    return text.replace(pattern, (found, ...rest) => {
      const groups = rest.at(-1) as Record<string, string | undefined>;
      if (groups.inside !== undefined) return '';
      if (groups.project !== undefined) return '.';
      return groups.home === undefined ? found : '~';
    });
  };
}
