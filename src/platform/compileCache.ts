import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedDataVersionTag } from 'node:v8';
import { Script, type Context } from 'node:vm';

/** Functions of Node 22 that Node 20's declarations lack. */
type CachingModule = typeof module & { enableCompileCache?(folder: string): unknown; flushCompileCache?(): void };
const node = module as CachingModule;

/**
 * Beside the built library: whoever can write there could change the library as well. If nobody can, nothing is cached.
 */
const folder = fileURLToPath(new URL('../compile-cache', import.meta.url));

/** Makes Node cache the code that it compiles for modules from now on, for the next process. */
export function keepCompiledCode(): void {
  node.enableCompileCache?.(folder);
}

/** Writes the cache now, rather than only when the process ends. */
export function writeCompiledCode(): void {
  node.flushCompileCache?.();
}

/** Runs a script (not a module) in a context, and caches its compiled code as Node does for modules. */
export function runScript(file: string, context: Context): void {
  const { size, mtimeMs } = statSync(file);
  const kept = join(folder, `${basename(file)}-${size}-${mtimeMs}-${cachedDataVersionTag()}`);
  const script = new Script(readFileSync(file, 'utf8'), { filename: file, cachedData: readKept(kept) });
  script.runInContext(context);
  if (script.cachedDataRejected === false) return;
  try {
    mkdirSync(folder, { recursive: true });
    // Created after the run, so that the cache includes functions compiled while running. Written aside because another
    // process may be reading the file now.
    writeFileSync(`${kept}.${process.pid}`, script.createCachedData());
    renameSync(`${kept}.${process.pid}`, kept);
  } catch {
    // Then it is compiled again next time.
  }
}

function readKept(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
