import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, filesBelow, packedPlotly } from '../report/assets.js';

/** A file that pages load. */
export interface Asset {
  type: string;
  bytes: Buffer;
  /** Its bytes are gzipped. */
  packed: boolean;
  /** Another one means other bytes. */
  tag: string;
}

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, '../../../src/notebook');
const folder = join(here, 'assets');
const katex = dirname(createRequire(import.meta.url).resolve('katex/dist/katex.min.css'));

const types = { js: 'text/javascript', css: 'text/css', woff2: 'font/woff2' };

function part(entry: string, target: string): Buffer {
  const dependsOn = ['live', 'report', 'runs', '../plots', '../experiments', '../formats'].flatMap((name) =>
    filesBelow(join(sources, name)),
  );
  return bundle({ entry: join(sources, entry), target: join(folder, target), dependsOn });
}

const makers: Record<string, () => Buffer> = {
  'notebook.js': () => part('live/browser/notebook.ts', 'notebook.js'),
  'list.js': () => part('live/browser/list.ts', 'list.js'),
  'runs.js': () => part('runs/browser/runs.ts', 'runs.js'),
  'runs.css': () => part('runs/style.css', 'runs.css'),
  'live.css': () => part('live/style/main.css', 'live.css'),
  'plotly.js': packedPlotly,
  'katex.css': () => readFileSync(join(katex, 'katex.min.css')),
  ...Object.fromEntries(
    readdirSync(join(katex, 'fonts'))
      .filter((name) => name.endsWith('.woff2'))
      .map((name) => [`fonts/${name}`, () => readFileSync(join(katex, 'fonts', name))]),
  ),
};

const made = new Map<string, Asset>();

/** The file of that name, built into dist/ if it is not there yet; undefined when pages have no such file. */
export function asset(name: string): Asset | undefined {
  const known = made.get(name);
  if (known || !Object.hasOwn(makers, name)) return known;
  const bytes = makers[name]();
  const type = `${types[name.slice(name.lastIndexOf('.') + 1) as keyof typeof types]}; charset=utf-8`;
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 20)}"`;
  const found = { type, bytes, packed: bytes[0] === 0x1f && bytes[1] === 0x8b, tag };
  made.set(name, found);
  return found;
}

/** Builds what has to be built, so that the first page need not wait for it. */
export function buildAssets(): void {
  for (const name of Object.keys(makers)) if (!name.startsWith('fonts/')) asset(name);
}
