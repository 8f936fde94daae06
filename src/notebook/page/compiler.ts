// A separate program that runs in a folder of notebooks: compiles the cells of one notebook after another as the kernel
// does, and runs none of them.
import { createRequire } from 'node:module';
import { reasonOf } from '../../errors.js';
import { CellCompiler } from '../kernel/patch/cellCompiler.js';
import { kernelTypeScript, repairCompiler } from '../kernel/patch/compiler.js';
import type { Tslab, TslabConverter } from '../kernel/patch/tslab.js';
import { withExpressions } from '../run/parameters.js';
import type { CellOfPage, CompiledForPage } from './compileCells.js';

interface Converters extends Pick<Tslab, 'getCodeMetadata'> {
  createConverter: (options: { isJS: boolean; isBrowser: boolean }) => TslabConverter & { close(): void };
}

// Only tslab's compiler is loaded, repaired as in the kernel.
repairCompiler();
const require = createRequire(import.meta.url);
const { createConverter } = require('tslab/dist/converter.js') as Converters;
const { getCodeMetadata } = require('tslab/dist/metadata.js') as Converters;

const LOOK_UP = '(globalThis as unknown as { __parameter__: <T>(name: string, usual: T) => T }).__parameter__';

/**
 * A value that is set in the page is data, never code: it is looked up by its name. The notebook's own value is the
 * default and gives the type.
 */
const lookUp = (name: string, written: string): string => `${LOOK_UP}(${JSON.stringify(name)}, ${written})`;

/** Removes the folders from a message, because TypeScript names modules and files by their full paths. */
const withoutFolders = (said: string): string =>
  said.replace(/(import\("|(?<=\s)')(?:\/|[A-Za-z]:\/)[^"']*\/(?=[^"'/]+["'])/g, '$1');

function compileAll(cells: CellOfPage[]): CompiledForPage[] {
  const converter = createConverter({ isJS: false, isBrowser: false });
  // A name without a path, so that the page reveals nothing about this machine's folders.
  const compiler = new CellCompiler(kernelTypeScript(), converter, 'cell.ts');
  const declared = new Set<string>();
  let declarations = '';
  const compiled = cells.map(({ id, source, parameters }): CompiledForPage => {
    const { module, mode } = getCodeMetadata(source);
    if (module !== undefined || mode === 'browser') return { id, fault: 'a cell that is a module needs Node' };
    try {
      const code = withExpressions(source, new Set(parameters), lookUp);
      const cell = compiler.compile(declarations, code, (name) => declared.has(name));
      declarations = cell.declarations;
      cell.script.declares.forEach((name) => declared.add(name));
      const { declares, imports } = cell.script;
      return { id, declares, imports, lastValue: cell.lastValue, code: cell.code };
    } catch (error) {
      return { id, fault: `it does not compile: ${withoutFolders(reasonOf(error)).replace(/\.$/, '')}` };
    }
  });
  converter.close();
  return compiled;
}

process.on('message', (cells: CellOfPage[]) => process.send!(compileAll(cells)));
