import { createRequire } from 'node:module';
import { parse } from 'node:path';
import type { BuilderProgram, CompilerOptions, WatchCompilerHostOfFilesAndCompilerOptions } from 'typescript';
import { calmWatch } from './calmWatch.js';
import { cellLanguage } from './cellLanguage.js';
import { compilerForTslab } from './compilerForTslab.js';
import { freshLookups } from './freshLookups.js';
import { kernelTypeScript } from './kernelTypeScript.js';
import { nodeTypes } from './nodeTypes.js';

/**
 * Has tslab compile with the project's TypeScript instead of its own 5.0, in the language of the Node that runs, and read fewer types
 * that no cell sees (`nodeTypes`): reading is most of what a kernel does when it starts. What a cell imports is found as before, and
 * watched as far as it can change (`calmWatch`). Before tslab is loaded, which keeps the compiler it sees.
 */
export function repairCompiler(): void {
  const typescript = kernelTypeScript();
  type Host = WatchCompilerHostOfFilesAndCompilerOptions<BuilderProgram>;
  type CreateHost = (files: string[], options: CompilerOptions, ...rest: unknown[]) => Host;

  const createWatchCompilerHost: CreateHost = (files, given, ...rest) => {
    // Imports may lie outside of the notebook's folder.
    const language = {
      ...given,
      ...cellLanguage(typescript),
      rootDir: parse(process.cwd()).root,
      inlineSourceMap: true,
    };
    const { options, edit } = nodeTypes(typescript, language);
    const usual = (typescript.createWatchCompilerHost as unknown as CreateHost)(files, options, ...rest);
    const readFile = (path: string, encoding?: string): string | undefined => {
      const text = usual.readFile(path, encoding);
      return text === undefined ? undefined : withWrittenNames(path, edit(path, text));
    };
    return calmWatch({ ...usual, ...freshLookups(typescript, options, usual), readFile });
  };

  const createWatchProgram = (host: Host): unknown => {
    const afterProgramCreate = host.afterProgramCreate?.bind(host);
    host.afterProgramCreate = (program) => {
      emitCellsAlone(program);
      afterProgramCreate?.(program);
    };
    return typescript.createWatchProgram(host);
  };

  const require = createRequire(createRequire(import.meta.url).resolve('tslab/dist/main.js'));
  const id = require.resolve('@tslab/typescript-for-tslab');
  const exports = {
    ...compilerForTslab(typescript),
    createWatchCompilerHost,
    createWatchProgram,
    // Modules become scripts when they run (`toScript`).
    transpileModule: (outputText: string) => ({ outputText }),
  };
  // As if it had been loaded already.
  require.cache[id] = { id, filename: id, loaded: true, exports } as NodeJS.Module;
}

/** tslab exports what a cell declares by the names in the compiler's tables, where `__x` is `___x`. */
function withWrittenNames(path: string, text: string): string {
  if (!path.endsWith('/__tslab__.ts')) return text;
  return text.replace(/\nexport \{([^{}]*)\}$/, (list) => list.replace(/(?<=[{ ])___/g, '__'));
}

/** Has a program write the cell alone, to where tslab looks for it: the files that it imports are compiled when they are loaded. */
function emitCellsAlone(program: BuilderProgram): void {
  const emit = program.emit.bind(program);
  program.emit = (file, write, ...rest) => {
    const name = file?.fileName.split('/').at(-1);
    if (name !== '__tslab__.ts') return { emitSkipped: true, diagnostics: [] };
    return emit(file, (path, ...written) => write?.(`outDir/${path.split('/').at(-1)}`, ...written), ...rest);
  };
}
