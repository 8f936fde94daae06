import type { BuildOptions } from 'esbuild';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';

const require = createRequire(import.meta.url);

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
