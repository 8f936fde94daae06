import { createRequire } from 'node:module';
import type { CompilerOptions, WatchCompilerHost } from 'typescript';
import { calmWatch } from './calmWatch.js';
import { kernelTypeScript } from './kernelTypeScript.js';
import { nodeTypes } from './nodeTypes.js';

/**
 * Has the compiler read fewer types that no cell sees (`nodeTypes`): reading is most of what a kernel does when it starts. What a cell
 * imports is found as before, and watched as far as it can change (`calmWatch`). Before tslab is loaded, which keeps the compiler it
 * sees.
 */
export function repairCompiler(): void {
  const typescript = kernelTypeScript();
  const { createWatchCompilerHost } = typescript;
  type Host = (files: string[], options: CompilerOptions, ...rest: unknown[]) => WatchCompilerHost<never>;
  const host: Host = (files, given, ...rest) => {
    const { options, edit } = nodeTypes(typescript, given);
    const usual = (createWatchCompilerHost as unknown as Host)(files, options, ...rest);
    const readFile = (path: string, encoding?: string): string | undefined => {
      const text = usual.readFile(path, encoding);
      return text === undefined ? undefined : edit(path, text);
    };
    return calmWatch({ ...usual, readFile });
  };
  const require = createRequire(createRequire(import.meta.url).resolve('tslab/dist/main.js'));
  const loaded = require.cache[require.resolve('@tslab/typescript-for-tslab')];
  // Its own properties have no setters.
  if (loaded) loaded.exports = { ...typescript, createWatchCompilerHost: host };
}
