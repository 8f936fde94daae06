// `#platform` where the library runs in Node: Node's own functions, and what only Node knows.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';

/** A build of the simd backend's kernels: with relaxed SIMD (fused multiply-add) or without. */
export type KernelBuild = 'fma' | 'plain';

/** A thread that was started. */
export interface Thread {
  terminate(): unknown;
}

export { Buffer } from 'node:buffer';
export { createHash, randomBytes } from 'node:crypto';
export {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
export { link, mkdir, open, readdir, readFile, realpath, rename, rm, rmdir, stat, truncate } from 'node:fs/promises';
export { basename, dirname, join, resolve } from 'node:path';
export { env, pid } from 'node:process';
export { setImmediate, setTimeout as pause } from 'node:timers/promises';
export { setFlagsFromString } from 'node:v8';
export { crc32, deflateSync } from 'node:zlib';

/** The folder of this package. */
export const packageFolder = resolve(import.meta.dirname, '..', '..');

/** What runs the program, such as `Node 24.1.0`. */
export const engine = `Node ${process.versions.node}`;

/** Whether the system is Windows, where folders cannot be opened. */
export const windows = process.platform === 'win32';

/** What the processor calls itself. */
export const processor = (): string => cpus()[0]?.model.trim() ?? 'unknown processor';

/** How many cores this process may use: those that its Slurm job was given for each task, else the machine's. */
export const usableCores = (): number => Number(process.env.SLURM_CPUS_PER_TASK) || availableParallelism();

/** Calls `listener` at the first Ctrl-C, which then ends nothing. */
export const atCtrlC = (listener: () => void): void => void process.once('SIGINT', listener);

/** Whether a process of this number runs on this machine, of any user. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Loads a package that need not be installed; throws what `require` throws. */
export const requirePackage: (name: string) => unknown = createRequire(import.meta.url);

/** What the process has loaded by `require`, by file. */
export const loadedModules: Readonly<Record<string, { exports: unknown } | undefined>> = createRequire(
  import.meta.url,
).cache;

/** Whether threads can be started: they share memory. */
export const hasThreads = (): boolean => true;

/** Starts a thread of the simd backend on `data`; `ended` is called when it is over. It keeps no process alive. */
export function startThread(data: unknown, ended: () => void): Thread {
  const worker = new Worker(new URL('../backend/simd/worker.js', import.meta.url), { workerData: data, execArgv: [] });
  worker.unref();
  worker.on('error', () => undefined);
  worker.on('exit', ended);
  return worker;
}

/** The simd backend's kernels, as the build compiled them. */
export const kernelBytes = (build: KernelBuild): Uint8Array<ArrayBuffer> =>
  readFileSync(new URL(`../backend/simd/kernels.${build}.wasm`, import.meta.url));

/**
 * Whether this engine can join pairs of 128-bit operations, and the processor has 256 bits. Before Node 24 it could
 * not, or not well.
 */
export function joinsVectors(): boolean {
  if (process.arch !== 'x64' || Number(process.versions.node.split('.')[0]) < 24) return false;
  try {
    return /\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'latin1'));
  } catch {
    return false; // not Linux: nothing says what the processor can do
  }
}
