import { createRequire } from 'node:module';
import type * as TypeScript from 'typescript';

/** The TypeScript that the kernel compiles cells with: whoever reads a cell with it reads what will run. */
export function kernelTypeScript(): typeof TypeScript {
  const tslab = createRequire(import.meta.url).resolve('tslab/dist/main.js');
  return createRequire(tslab)('@tslab/typescript-for-tslab') as typeof TypeScript;
}
