import { createRequire } from 'node:module';
import type * as TypeScript from 'typescript';

let loaded: typeof TypeScript | undefined;

/** The TypeScript that the kernel compiles cells with: whoever reads a cell with it reads what will run. */
export function kernelTypeScript(): typeof TypeScript {
  // Required, not imported: Node would read its 9 MB once more to find the names it exports.
  return (loaded ??= createRequire(import.meta.url)('typescript') as typeof TypeScript);
}
