import module from 'node:module';
import { fileURLToPath } from 'node:url';

/** What Node 22 can do and the declarations of Node 20 do not know. */
type CachingModule = typeof module & { enableCompileCache?(folder: string): unknown; flushCompileCache?(): void };

const SETTLED_MILLISECONDS = 5000;

/**
 * Has Node keep what it compiles from the compiler's 9 MB and the cells' libraries: a start takes a tenth less. Beside the built library,
 * where nobody can write who could not change that as well; where nobody can, nothing is kept.
 */
export function cacheCompiledCode(): void {
  const node = module as CachingModule;
  node.enableCompileCache?.(fileURLToPath(new URL('../../compile-cache', import.meta.url)));
  // Node would write at the end of the process, and a kernel is killed more often than it ends.
  setTimeout(() => node.flushCompileCache?.(), SETTLED_MILLISECONDS).unref();
}
