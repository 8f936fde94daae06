import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import { toBase85 } from './base85.js';
import type { BuildOptions } from 'esbuild';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';

/** The parts of a page that do not depend on the notebook. */
export interface Assets {
  /** The style sheet. */
  style: string;
  /** The page's own script. */
  script: string;
  /** plotly.js, gzipped, in base85. The page's script unpacks it with the browser's DecompressionStream. */
  plotly: string;
  /** SHA-256 of the unpacked plotly.js as a content security policy writes it. */
  plotlyHash: string;
}

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, '../../../src/notebook/report');
const folder = join(here, 'assets');
const require = createRequire(import.meta.url);

/** SHA-256 of a script or style as a content security policy writes it. */
export function policyHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** plotly.js gzipped, as a page loads it: the bundle that makes no functions from text, which the page's policy refuses. */
export function packedPlotly(): Buffer {
  const entry = require.resolve('plotly.js-strict-dist-min');
  const { version } = require('plotly.js-strict-dist-min/package.json') as { version: string };
  const target = join(folder, `plotly-strict-${version}.min.js.gz`);
  return bundle({ entry, target, dependsOn: [entry], bundle: false });
}

function part(entry: string, target: string): string {
  const dependsOn = [...filesBelow(join(sources, dirname(entry))), join(sources, 'base85.ts')];
  return bundle({ entry: join(sources, entry), target: join(folder, target), dependsOn }).toString();
}

let loaded: Assets | undefined;

/** The page's style sheet and script and plotly.js, built into dist/ when they are not there yet (about a second). */
export function loadAssets(): Assets {
  return (loaded ??= readAssets());
}

function readAssets(): Assets {
  const plotly = packedPlotly();
  return {
    style: part('style/main.css', 'page.css'),
    script: part('browser/main.ts', 'page.js'),
    plotly: toBase85(plotly),
    plotlyHash: policyHash(gunzipSync(plotly).toString()),
  };
}

/** A script or style sheet of a page. */
export interface BundleOptions {
  /** Where its source begins. */
  entry: string;
  /** The file it is written to; one that ends in `.gz` is packed. */
  target: string;
  /** The files that it is made from: newer ones make it anew. */
  dependsOn: string[];
  /** False for a file that is only to be made small. */
  bundle?: boolean;
}

const newest = (paths: string[]): number => Math.max(...paths.map((path) => statSync(path).mtimeMs));

/** Every file in a folder and the folders below it. */
export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Bundles and minifies with esbuild unless that has been done since the last change; returns the result's bytes. */
export function bundle({ entry, target, dependsOn, bundle = true }: BundleOptions): Buffer {
  if (existsSync(target) && statSync(target).mtimeMs > newest(dependsOn)) return readFileSync(target);
  // Loaded only where something has to be made.
  const { buildSync } = require('esbuild') as {
    buildSync: (options: BuildOptions) => { outputFiles: { contents: Uint8Array }[] };
  };
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle,
    minify: true,
    legalComments: 'inline',
    target: 'es2022',
    format: entry.endsWith('.ts') ? 'iife' : undefined,
    write: false,
    logLevel: 'error',
  });
  const text = Buffer.from(outputFiles[0].contents);
  const bytes = target.endsWith('.gz') ? gzipSync(text, { level: constants.Z_BEST_COMPRESSION }) : text;
  mkdirSync(dirname(target), { recursive: true });
  const aside = `${target}.${process.pid}`;
  writeFileSync(aside, bytes);
  renameSync(aside, target);
  return bytes;
}
