// `#platform` in a browser: the same names as in node.ts.
import { sha256 } from '@noble/hashes/sha2.js';
import { Buffer } from 'buffer';
import { zlibSync } from 'fflate';
import path from 'path-browserify';
import fma from '#kernels/fma';
import plain from '#kernels/plain';
import { browserName } from './browserName.js';
import * as memory from './memoryFiles.js';
import { promised } from './memoryFiles.js';
import type { KernelBuild, Thread } from './node.js';

/** What `#platform` exports: Node's version defines it. */
type Platform = typeof import('./node.js');
type Complete<T extends Platform> = T;
/** The browser's version, which must export all of it. */
export type BrowserPlatform = Complete<typeof import('./browser.js')>;

export { Buffer };

/** The script of the simd backend's threads: the bundler defines it. */
declare const SIMD_WORKER: string;

/** The parts of a page's or worker's global scope that are used here. */
const web = globalThis as unknown as {
  crossOriginIsolated?: boolean;
  /** Missing in Node 20, where tests load this bundle. */
  navigator?: { hardwareConcurrency: number; userAgent: string };
  Worker: new (address: string) => Thread & { postMessage(data: unknown): void; onerror: unknown };
};

const { hardwareConcurrency, userAgent } = web.navigator ?? { hardwareConcurrency: 1, userAgent: '' };

export const existsSync = memory.existsSync as Platform['existsSync'];
export const mkdirSync = memory.mkdirSync as Platform['mkdirSync'];
export const readFileSync = memory.readFileSync as Platform['readFileSync'];
export const realpathSync = memory.realpathSync as unknown as Platform['realpathSync'];
export const renameSync = memory.renameSync as Platform['renameSync'];
export const rmSync = memory.rmSync as Platform['rmSync'];
export const statSync = memory.statSync as unknown as Platform['statSync'];
export const writeFileSync = memory.writeFileSync as Platform['writeFileSync'];

export const link = promised(memory.linkSync) as Platform['link'];
export const mkdir = promised(memory.mkdirSync) as Platform['mkdir'];
export const open = memory.open as unknown as Platform['open'];
export const readdir = promised(memory.readdirSync) as unknown as Platform['readdir'];
export const readFile = promised(memory.readFileSync) as Platform['readFile'];
export const realpath = promised(memory.realpathSync) as Platform['realpath'];
export const rename = promised(memory.renameSync) as Platform['rename'];
export const rm = promised(memory.rmSync) as Platform['rm'];
export const rmdir = promised(memory.rmdirSync) as Platform['rmdir'];
export const stat = promised(memory.statSync) as unknown as Platform['stat'];
export const truncate = promised(memory.truncateSync) as Platform['truncate'];

export const { basename, dirname, join } = path;
/** Returns an absolute path; a relative one starts at the folder of the package. */
export const resolve = (...parts: string[]): string => path.resolve(memory.home, ...parts);
export const packageFolder = memory.home;

/** SHA-256 of bytes and of texts. */
class Sha256 {
  private readonly hash = sha256.create();

  update(data: string | ArrayBufferView): this {
    const { buffer, byteOffset, byteLength } = typeof data === 'string' ? Buffer.from(data) : data;
    this.hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    return this;
  }

  digest(encoding?: BufferEncoding): Buffer | string {
    const bytes = Buffer.from(this.hash.digest());
    return encoding ? bytes.toString(encoding) : bytes;
  }
}

export const createHash = ((name: string) => {
  if (name !== 'sha256') throw new Error(`A browser has only the hash sha256; received ${name}.`);
  return new Sha256();
}) as unknown as Platform['createHash'];

export const randomBytes = ((n: number) => crypto.getRandomValues(Buffer.alloc(n))) as Platform['randomBytes'];

export const deflateSync = ((data: Uint8Array, { level }: { level?: 9 } = {}) =>
  Buffer.from(zlibSync(data, { level }))) as Platform['deflateSync'];

/** Returns the CRC-32 of bytes, as PNG and zip use it. */
export const crc32 = ((data: Uint8Array, value = 0) => {
  let crc = ~value;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}) as Platform['crc32'];

const turn = new MessageChannel();
const waiting: (() => void)[] = [];
/**
 * In Node, which can load the bundle too, an open port keeps the process alive: it is referenced only while something
 * waits.
 */
const port = turn.port1 as typeof turn.port1 & { ref?(): void; unref?(): void };
port.onmessage = () => {
  waiting.shift()!();
  if (waiting.length === 0) port.unref?.();
};
port.unref?.();

/** Lets waiting tasks run. A timer would take 4 ms each time. */
export const setImmediate = (() =>
  new Promise<void>((go) => {
    waiting.push(go);
    port.ref?.();
    turn.port2.postMessage(0);
  })) as Platform['setImmediate'];

export const pause = ((ms?: number, value?: unknown, { signal }: { signal?: AbortSignal } = {}) =>
  new Promise((go, refuse) => {
    const timer = setTimeout(() => go(value), ms);
    const stop = (): void => {
      clearTimeout(timer);
      refuse(signal?.reason as Error);
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  })) as unknown as Platform['pause'];

export const env: Platform['env'] = {};
export const pid = 1;
export const isAlive = (number: number): boolean => number === pid;
export const atCtrlC = (_: () => void): void => undefined;
export const windows = false;

export const engine = browserName(userAgent);

export const processor = (): string => `${hardwareConcurrency} cores`;

/**
 * Threads share memory, which needs a cross-origin isolated page, and the caller must be able to wait, which a page's
 * main thread cannot.
 */
export const hasThreads = (): boolean => web.crossOriginIsolated === true && 'WorkerGlobalScope' in globalThis;
export const usableCores = (): number => (hasThreads() ? hardwareConcurrency : 1);

export function startThread(data: unknown, ended: () => void): Thread {
  const address = URL.createObjectURL(new Blob([SIMD_WORKER], { type: 'text/javascript' }));
  const worker = new web.Worker(address);
  worker.onerror = ended;
  worker.postMessage(data);
  return worker;
}

export const kernelBytes = (build: KernelBuild): Uint8Array<ArrayBuffer> => ({ fma, plain })[build];
/** A page cannot change the engine's compiler flags. */
export const setFlagsFromString: Platform['setFlagsFromString'] = () => undefined;
export const joinsVectors = (): boolean => false;

export function requirePackage(name: string): never {
  throw new Error(`a browser does not load '${name}'`);
}

export const loadedModules: Platform['loadedModules'] = {};
