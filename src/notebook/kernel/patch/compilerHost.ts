import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import type { WatchHost } from 'typescript';
import type * as TypeScript from 'typescript';

type Host = TypeScript.WatchCompilerHost<TypeScript.BuilderProgram>;

/**
 * Resolves the imports of cells and of the files beside them again each time: a package may have been installed, or a
 * file written, since the last cell. The compiler itself would watch for that, except in folders near the root of the
 * file system. Imports of declaration files and packages are resolved once.
 */
export function freshLookups(
  ts: typeof TypeScript,
  options: TypeScript.CompilerOptions,
  host: Host,
): Required<Pick<Host, 'resolveModuleNameLiterals' | 'hasInvalidatedResolutions' | 'getModuleResolutionCache'>> {
  const kept = ts.createModuleResolutionCache(host.getCurrentDirectory(), (name) => name, options);
  const isKept = (file: string): boolean =>
    file.includes('/node_modules/') || (/\.d\.[cm]?ts$/.test(file) && !file.endsWith('/__prev__.d.ts'));
  return {
    resolveModuleNameLiterals: (literals, file, redirected, given, source) =>
      literals.map((literal) => {
        const mode = ts.getModeForUsageLocation(source, literal, given);
        return ts.resolveModuleName(literal.text, file, given, host, isKept(file) ? kept : undefined, redirected, mode);
      }),
    hasInvalidatedResolutions: (file) => !isKept(file),
    // Otherwise each program would read the package.json of each of its files.
    getModuleResolutionCache: () => kept,
  };
}

/**
 * Returns the host without its watching of files inside packages: there are thousands of them, and a system may let a
 * user watch only 8192 files. The installation of a package is still noticed.
 */
export function calmWatch<Host extends WatchHost>(host: Host): Host {
  const cwd = process.cwd();
  // The notebook itself may lie in a package.
  const inPackages = (path: string): boolean =>
    /(^|[\\/])node_modules([\\/]|$)/.test(path.startsWith(cwd) ? path.slice(cwd.length) : path);
  const calm: WatchHost = {
    watchFile: (path, ...rest) => (inPackages(path) ? { close: () => undefined } : host.watchFile(path, ...rest)),
    watchDirectory: (path, callback, recursive, options) =>
      host.watchDirectory(path, callback, recursive && !inPackages(path), options),
    // tslab keeps one timer, which builds the next program, and throws from then on if there is another. The other
    // timer would only do sooner what the next program does anyway: look again for imports that were not found.
    setTimeout: (callback, ...rest): unknown =>
      callback.name === 'invalidateResolutionsOfFailedLookup' ? undefined : host.setTimeout?.(callback, ...rest),
  };
  return { ...host, ...calm };
}

/** Modules of Node to which the types of no other module refer, and the files that declare them. */
const APART: Record<string, string> = {
  assert: 'assert',
  'assert/strict': 'assert/strict',
  cluster: 'cluster',
  http2: 'http2',
  inspector: 'inspector.generated',
  'inspector/promises': 'inspector.generated',
  repl: 'repl',
  test: 'test',
  'test/reporters': 'test',
  v8: 'v8',
  zlib: 'zlib',
};

interface NodeTypes {
  options: TypeScript.CompilerOptions;
  edit: (path: string, text: string) => string;
}

/**
 * Limits the global types to Node's, without those of every @types package that some dependency brought along, and
 * leaves out the modules of `APART`, a quarter of the rest: less to read before the first cell. A cell that imports one
 * of these modules has it read then.
 */
export function nodeTypes(typescript: typeof TypeScript, options: TypeScript.CompilerOptions): NodeTypes {
  const cell = posix.join(typescript.sys.getCurrentDirectory(), 'cell.ts');
  const found = typescript.resolveTypeReferenceDirective('node', cell, options, typescript.sys);
  const index = found.resolvedTypeReferenceDirective?.resolvedFileName ?? '';
  // The index for older compilers is in a folder of its own.
  const folder = posix.dirname(index).replace(/\/ts[\d.]+$/, '');
  const declares = (name: string): string => posix.join(folder, `${APART[name]}.d.ts`);
  const names = Object.keys(APART).filter((name) => index !== '' && typescript.sys.fileExists(declares(name)));
  const apart = new Set(names.map(declares));
  const paths: Record<string, string[]> = { ...options.paths };
  for (const name of names) {
    for (const written of [name, `node:${name}`]) if (isBuiltin(written)) paths[written] = [declares(name)];
  }
  // This file lists what getBuiltinModule() returns, which would cause all modules to be read.
  const list = posix.join(folder, 'process.d.ts');
  const listed = new RegExp(`typeof import\\("(?:node:)?(?:${names.join('|')})"\\)`, 'g');
  return {
    options: { ...options, types: ['node'], paths },
    edit: (path, text) => {
      if (path === list) return text.replace(listed, 'any');
      if (path !== index) return text;
      return text.replace(/^\/\/\/ <reference path="(.*)" \/>$/gm, (line, to: string) =>
        apart.has(posix.join(posix.dirname(index), to)) ? '' : line,
      );
    },
  };
}
