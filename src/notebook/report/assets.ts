import { buildSync } from 'esbuild';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync, gunzipSync } from 'node:zlib';

/** The parts of a page that do not depend on the notebook. */
export interface Assets {
  /** The style sheet. */
  style: string;
  /** The page's own script. */
  script: string;
  /** plotly.js minified, gzipped, in base64. The page's script unpacks it with the browser's DecompressionStream. */
  plotly: string;
  /** SHA-256 of the unpacked plotly.js as a content security policy writes it. */
  plotlyHash: string;
}

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, '../../../src/notebook/report');
const folder = join(here, 'assets');
const require = createRequire(import.meta.url);
const plotlySource = require.resolve('plotly.js-dist');
const { version } = require('plotly.js-dist/package.json') as { version: string };

/** SHA-256 of a script or style as a content security policy writes it. */
export function policyHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

const newest = (paths: string[]): number => Math.max(...paths.map((path) => statSync(path).mtimeMs));

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Bundles and minifies with esbuild unless that has been done since the last change; returns the result's bytes. */
function bundle(entry: string, target: string, dependsOn: string[]): Buffer {
  const file = join(folder, target);
  if (existsSync(file) && statSync(file).mtimeMs > newest(dependsOn)) return readFileSync(file);
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: entry !== plotlySource,
    minify: true,
    legalComments: 'inline',
    target: 'es2022',
    format: entry.endsWith('.ts') ? 'iife' : undefined,
    write: false,
    logLevel: 'error',
  });
  const text = Buffer.from(outputFiles[0].contents);
  const bytes = target.endsWith('.gz') ? gzipSync(text, { level: constants.Z_BEST_COMPRESSION }) : text;
  mkdirSync(folder, { recursive: true });
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, bytes);
  renameSync(aside, file);
  return bytes;
}

/** The page's style sheet and script and plotly.js, built into dist/ when they are not there yet (about a second). */
export function loadAssets(): Assets {
  const plotly = bundle(plotlySource, `plotly-${version}.min.js.gz`, [plotlySource]);
  return {
    style: bundle(join(sources, 'style/main.css'), 'page.css', filesBelow(join(sources, 'style'))).toString(),
    script: bundle(join(sources, 'browser/main.ts'), 'page.js', filesBelow(join(sources, 'browser'))).toString(),
    plotly: plotly.toString('base64'),
    plotlyHash: policyHash(gunzipSync(plotly).toString()),
  };
}
