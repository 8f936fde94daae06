import * as tf from '@tensorflow/tfjs';
import { engine, env, hasThreads, processor, usableCores, requirePackage } from '#platform';
import { UserError } from '../errors.js';
import { readable } from './readable.js';
import { registerSimd } from './simd/register.js';
import type { SimdBackend } from './simd/simdBackend.js';
import { registerWebgpu } from './webgpu/register.js';

/** The backends: native TensorFlow, this project's kernels for CPUs, plain JavaScript, and WebGPU. */
export type BackendName = 'tensorflow' | 'simd' | 'cpu' | 'webgpu';

/** Which backend to use, and its settings. */
export interface BackendOptions {
  /**
   * Default: the environment's SPARSEBOOK_BACKEND, else 'auto': tensorflow if its binary loads, else simd, else cpu.
   */
  backend?: 'auto' | BackendName;
  /**
   * Threads of the simd backend. Default: the environment's SPARSEBOOK_THREADS, else `usableCores()`. A page that is
   * not cross-origin isolated has one.
   */
  threads?: number;
  /**
   * Whether the simd backend's convolutions may use Winograd's transforms: several times faster, with rounding errors a
   * few times larger. Default true.
   */
  winograd?: boolean;
}

/** The active backend: printed in every artifact. */
export interface BackendInfo {
  name: BackendName;
  /** One line for people: backend, threads, instructions, machine, versions. */
  description: string;
  threads: number;
}

let current: BackendInfo | undefined;

/** Returns what `useBackend` chose last; undefined before its first call. */
export const currentBackend = (): BackendInfo | undefined => current;

const NAMES = ['auto', 'tensorflow', 'simd', 'cpu', 'webgpu'];

/**
 * Chooses the backend that runs every tensor operation from now on, and returns a description of it. Throws a UserError
 * with the reason and the remedy if the requested backend cannot load or a setting is invalid.
 */
export async function useBackend(options: BackendOptions = {}): Promise<BackendInfo> {
  const backend = options.backend ?? env.SPARSEBOOK_BACKEND ?? 'auto';
  if (!NAMES.includes(backend)) {
    throw new UserError(
      `The backend must be one of ${NAMES.join(', ')}; received '${backend}'. Change backend= or SPARSEBOOK_BACKEND.`,
    );
  }
  const threads = chooseThreads(options.threads ?? env.SPARSEBOOK_THREADS);
  const machine = `${processor()}, ${engine}, tfjs ${tf.version_core}`;
  const reasons: string[] = [];
  // Tensors on the other device move along, if that device still answers.
  if (current?.name === 'webgpu') await readable().catch(() => undefined);
  for (const name of backend === 'auto' ? (['tensorflow', 'simd', 'cpu'] as const) : [backend as BackendName]) {
    try {
      const loaded = await load[name](threads, options.winograd ?? true);
      current = { name, threads: loaded.threads, description: `${name}: ${loaded.what} (${machine})` };
      return current;
    } catch (error) {
      if (backend !== 'auto') throw error;
      reasons.push(`${name}: ${(error as Error).message}`);
    }
  }
  throw new UserError(`No tensor backend could be loaded. ${reasons.join(' ')}`);
}

interface Loaded {
  what: string;
  threads: number;
}

const load: Record<BackendName, (threads: number, winograd: boolean) => Promise<Loaded>> = {
  async tensorflow() {
    const packageName = loadTensorflow();
    await tf.setBackend('tensorflow');
    return { what: `native TensorFlow of ${packageName}`, threads: usableCores() };
  },
  async simd(threads, winograd) {
    let simd: SimdBackend;
    try {
      simd = currentSimd(threads);
    } catch (error) {
      throw new UserError(
        `The simd backend needs a processor and an engine with WebAssembly SIMD and the kernels that 'npm run build' compiles: ` +
          `${(error as Error).message} Build again, or choose backend 'cpu'.`,
        { cause: error },
      );
    }
    simd.winograd = winograd;
    await tf.setBackend('simd');
    const count = threads === 1 ? '1 thread' : `${threads} threads`;
    const kernels = { wide: 'fused multiply-add on 256 bits', fma: 'fused multiply-add', plain: 'multiply and add' }[
      simd.variant
    ];
    return { what: `${count}, WebAssembly SIMD with ${kernels}${winograd ? '' : ', no Winograd'}`, threads };
  },
  async cpu() {
    quietCpu();
    await tf.setBackend('cpu');
    return { what: 'plain JavaScript, slow', threads: 1 };
  },
  async webgpu() {
    const device = await registerWebgpu();
    quietCpu(); // the cpu backend computes values that are read synchronously
    await tf.setBackend('webgpu');
    return { what: `WebGPU on ${device}`, threads: 1 };
  },
};

/** Keeps the cpu backend from printing an advertisement with its first tensor. */
function quietCpu(): void {
  (tf.findBackend('cpu') as unknown as { firstUse: boolean }).firstUse = false;
}

let active: { simd: SimdBackend; threads: number } | undefined;

/** Returns the registered simd backend if it has that many threads; otherwise replaces it with a new one. */
function currentSimd(threads: number): SimdBackend {
  if (active?.threads !== threads) {
    const simd = registerSimd({ threads });
    void active?.simd.pool.close();
    active = { simd, threads };
  }
  return active.simd;
}

function chooseThreads(setting: number | string | undefined): number {
  if (setting === undefined) return usableCores();
  const threads = Number(setting);
  if (Number.isInteger(threads) && threads >= 1 && threads <= 64) return hasThreads() ? threads : 1;
  throw new UserError(
    `threads must be a whole number from 1 to 64; received '${setting}'. Change threads= or SPARSEBOOK_THREADS.`,
  );
}

// Backends that other packages provide, if installed.

const NATIVE = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/**
 * Loads native TensorFlow, which registers the backend 'tensorflow', and returns its package's name. Throws a UserError
 * with the reasons if it does not load.
 */
export function loadTensorflow(): string {
  const reasons: string[] = [];
  for (const name of NATIVE) {
    try {
      restoreRemovedUtilities();
      requirePackage(name);
      if (tf.findBackendFactory('tensorflow') !== null) return name;
      reasons.push(`${name} brings no native library.`);
    } catch (error) {
      reasons.push(`${name}: ${explain(error as NodeJS.ErrnoException)}`);
    }
  }
  throw new UserError(
    `The backend 'tensorflow' needs tfjs-node and its native library, and neither package loads. ${reasons.join(' ')} ` +
      `Run 'npm install ${NATIVE[1]}' where its download is reachable, or choose backend 'simd'.`,
  );
}

function explain(error: NodeJS.ErrnoException): string {
  if (error.code === 'MODULE_NOT_FOUND') return 'it is not installed.';
  return error.message.includes('native addon')
    ? 'its native library was not downloaded.'
    : error.message.split('\n')[0] + '.';
}

/** tfjs-node still calls functions that Node 23 removed from `util`. */
function restoreRemovedUtilities(): void {
  const legacy = requirePackage('node:util') as Record<string, unknown>;
  legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  legacy.isArray ??= Array.isArray;
}
