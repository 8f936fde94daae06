// `#platform` in Node: Node's own functions, and facts that only Node knows.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';

/** A build of the simd backend's kernels: with relaxed SIMD (fused multiply-add) or without. */
export type KernelBuild = 'fma' | 'plain';

/** A running thread. */
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

/** The engine that runs the program, such as `Node 24.1.0`. */
export const engine = `Node ${process.versions.node}`;

/** Whether the system is Windows, where folders cannot be opened. */
export const windows = process.platform === 'win32';

/** The processor's name. */
export const processor = (): string => cpus()[0]?.model.trim() ?? 'unknown processor';

/** How many cores this process may use: those that Slurm gives each task of its job, else all of the machine's. */
export const usableCores = (): number => Number(process.env.SLURM_CPUS_PER_TASK) || availableParallelism();

/** Calls `listener` at the first Ctrl-C, which then does not end the process. */
export const atCtrlC = (listener: () => void): void => void process.once('SIGINT', listener);

/** Whether a process with this id runs on this machine, under any user. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Loads an optional package. Throws whatever `require` throws. */
export const requirePackage: (name: string) => unknown = createRequire(import.meta.url);

/** The modules that the process has loaded with `require`, by file. */
export const loadedModules: Readonly<Record<string, { exports: unknown } | undefined>> = createRequire(
  import.meta.url,
).cache;

/** Whether threads that share memory can be started. */
export const hasThreads = (): boolean => true;

/** Starts a thread of the simd backend with `data`; calls `ended` when it ends. It does not keep the process alive. */
export function startThread(data: unknown, ended: () => void): Thread {
  const worker = new Worker(new URL('../backend/simd/worker.js', import.meta.url), { workerData: data, execArgv: [] });
  worker.unref();
  worker.on('error', () => undefined);
  worker.on('exit', ended);
  return worker;
}

/** Returns the simd backend's kernels as compiled by the build. */
export const kernelBytes = (build: KernelBuild): Uint8Array<ArrayBuffer> =>
  readFileSync(new URL(`../backend/simd/kernels.${build}.wasm`, import.meta.url));

/**
 * Whether this engine can join pairs of 128-bit operations, and the processor has 256-bit vectors. Before Node 24
 * engines could not, or not well.
 */
export function joinsVectors(): boolean {
  if (process.arch !== 'x64' || Number(process.versions.node.split('.')[0]) < 24) return false;
  try {
    return /\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'latin1'));
  } catch {
    return false; // not Linux: nothing says what the processor can do
  }
}
