import module from 'node:module';
import { fileURLToPath } from 'node:url';

/** What Node 22 can do and the declarations of Node 20 do not know. */
type CachingModule = typeof module & { enableCompileCache?(folder: string): unknown; flushCompileCache?(): void };
const node = module as CachingModule;

/**
 * Has Node keep what it compiles from now on, for the next process. Beside the built library, where nobody can write
 * who could not change that as well; where nobody can, nothing is kept.
 */
export function keepCompiledCode(): void {
  node.enableCompileCache?.(fileURLToPath(new URL('../compile-cache', import.meta.url)));
}

/** Writes what is to be kept now, and not only when the process ends. */
export function writeCompiledCode(): void {
  node.flushCompileCache?.();
}
