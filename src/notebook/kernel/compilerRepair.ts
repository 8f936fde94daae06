import { createRequire } from 'node:module';
import type { WatchHost } from 'typescript';
import { calmWatch } from './calmWatch.js';
import { kernelTypeScript } from './kernelTypeScript.js';

/**
 * Lets cells see the global types of Node alone, not of every @types package that some dependency brought along: a third of the
 * time in which a kernel starts. What a cell imports is found as before, and watched as far as it can change (`calmWatch`). Before
 * tslab is loaded, which keeps the compiler it sees.
 */
export function repairCompiler(): void {
  const typescript = kernelTypeScript();
  const { createWatchCompilerHost } = typescript;
  type Host = (files: string[], options: object, ...rest: unknown[]) => WatchHost;
  const host: Host = (files, options, ...rest) =>
    calmWatch((createWatchCompilerHost as unknown as Host)(files, { ...options, types: ['node'] }, ...rest));
  const require = createRequire(createRequire(import.meta.url).resolve('tslab/dist/main.js'));
  const loaded = require.cache[require.resolve('@tslab/typescript-for-tslab')];
  // Its own properties have no setters.
  if (loaded) loaded.exports = { ...typescript, createWatchCompilerHost: host };
}
