import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import type * as TypeScript from 'typescript';

/** Modules of Node that no other one's types refer to, and the files that declare them. */
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

/** How to read Node's types: the compiler's options, and what it is to read instead of a file's text. */
export interface NodeTypes {
  options: TypeScript.CompilerOptions;
  edit: (path: string, text: string) => string;
}

/**
 * Global types of Node alone, not of every @types package that some dependency brought along, and without the modules that stand
 * apart, a quarter of the rest: less to read before the first cell. Whoever imports one of those has it read then.
 */
export function nodeTypes(typescript: typeof TypeScript, options: TypeScript.CompilerOptions): NodeTypes {
  const cell = posix.join(typescript.sys.getCurrentDirectory(), 'cell.ts');
  const found = typescript.resolveTypeReferenceDirective('node', cell, options, typescript.sys);
  const index = found.resolvedTypeReferenceDirective?.resolvedFileName ?? '';
  // There is an index for older compilers in a folder of its own.
  const folder = posix.dirname(index).replace(/\/ts[\d.]+$/, '');
  const declares = (name: string): string => posix.join(folder, `${APART[name]}.d.ts`);
  const names = Object.keys(APART).filter((name) => index !== '' && typescript.sys.fileExists(declares(name)));
  const apart = new Set(names.map(declares));
  const paths: Record<string, string[]> = { ...options.paths };
  for (const name of names) {
    for (const written of [name, `node:${name}`]) if (isBuiltin(written)) paths[written] = [declares(name)];
  }
  // What getBuiltinModule() gives is listed there: it would read them all.
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
