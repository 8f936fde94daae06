import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedDataVersionTag } from 'node:v8';
import { Script, type Context } from 'node:vm';

/** What Node 22 can do and the declarations of Node 20 do not know. */
type CachingModule = typeof module & { enableCompileCache?(folder: string): unknown; flushCompileCache?(): void };
const node = module as CachingModule;

/** Beside the built library, where only those can write who could change it as well; where nobody can, none is kept. */
const folder = fileURLToPath(new URL('../compile-cache', import.meta.url));

/** Makes Node keep the code that it compiles for modules from now on, for the next process. */
export function keepCompiledCode(): void {
  node.enableCompileCache?.(folder);
}

/** Writes what is to be kept now, and not only when the process ends. */
export function writeCompiledCode(): void {
  node.flushCompileCache?.();
}

/** Runs a script that is no module in a context, and keeps what was compiled of it as Node does of modules. */
export function runScript(file: string, context: Context): void {
  const { size, mtimeMs } = statSync(file);
  const kept = join(folder, `${basename(file)}-${size}-${mtimeMs}-${cachedDataVersionTag()}`);
  const script = new Script(readFileSync(file, 'utf8'), { filename: file, cachedData: readKept(kept) });
  script.runInContext(context);
  if (script.cachedDataRejected === false) return;
  try {
    mkdirSync(folder, { recursive: true });
    // What ran is in it, and not only what is compiled at once. Written aside: another process may read it now.
    writeFileSync(`${kept}.${process.pid}`, script.createCachedData());
    renameSync(`${kept}.${process.pid}`, kept);
  } catch {
    // It is compiled again next time.
  }
}

function readKept(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
