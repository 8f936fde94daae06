// Backends that other packages bring, if they are installed.
import * as tf from '@tensorflow/tfjs';
import { requirePackage } from '#platform';
import { UserError } from '../errors.js';

const NATIVE = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/** Loads native TensorFlow, which registers the backend 'tensorflow', and returns its package's name. Throws a UserError that says why not. */
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

interface Adapter {
  info?: { vendor?: string; device?: string; description?: string };
}

/** The part of the npm package `webgpu` (Dawn for Node) that is used here. */
interface Dawn {
  create(flags: string[]): { requestAdapter(): Promise<Adapter | null> };
  globals: Record<string, unknown>;
}

const WEBGPU = ['webgpu', '@tensorflow/tfjs-backend-webgpu'];

/** Gives Node a WebGPU device, makes tfjs run on it, and returns the device's name. Throws a UserError that says why not. */
export async function loadWebgpu(): Promise<string> {
  const dawn = (await importOrRefuse(WEBGPU[0])) as Dawn;
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([]);
  const navigator = (globalThis as { navigator?: object }).navigator ?? {};
  Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  const adapter = await gpu.requestAdapter();
  if (adapter === null) {
    throw new UserError(
      `The backend 'webgpu' needs a graphics driver (Vulkan, Metal or Direct3D) and found none. Install one (Debian's ` +
        `mesa-vulkan-drivers computes on the processor), or choose backend 'simd'.`,
    );
  }
  await importOrRefuse(WEBGPU[1]);
  if (!(await tf.setBackend('webgpu')))
    throw new UserError(`The backend 'webgpu' could not start. Choose backend 'simd'.`);
  return adapter.info?.description || adapter.info?.device || adapter.info?.vendor || 'an unnamed device';
}

function importOrRefuse(name: string): Promise<unknown> {
  return import(name).catch((cause: Error) => {
    throw new UserError(
      `The backend 'webgpu' needs the package '${name}', which does not load: ${cause.message.split('\n')[0]}. ` +
        `Run 'npm install --no-save ${WEBGPU[0]} ${WEBGPU[1]}@${tf.version_core}', or choose another backend.`,
      { cause },
    );
  });
}
