import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';

interface Adapter {
  info?: { vendor?: string; device?: string; description?: string };
}

/** The part of the npm package `webgpu` (Dawn for Node) that is used here. */
interface Dawn {
  create(flags: string[]): { requestAdapter(): Promise<Adapter | null> };
  globals: Record<string, unknown>;
}

const PACKAGES = ['webgpu', '@tensorflow/tfjs-backend-webgpu'];

/** Gives Node a WebGPU device, makes tfjs run on it, and returns the device's name. Throws a UserError that says why not. */
export async function loadWebgpu(): Promise<string> {
  let dawn: Dawn;
  try {
    dawn = (await import(PACKAGES[0])) as Dawn;
  } catch (error) {
    throw absent(PACKAGES[0], error);
  }
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
  try {
    await import(PACKAGES[1]);
  } catch (error) {
    throw absent(PACKAGES[1], error);
  }
  if (!(await tf.setBackend('webgpu')))
    throw new UserError(`The backend 'webgpu' could not start. Choose backend 'simd'.`);
  return adapter.info?.description || adapter.info?.device || adapter.info?.vendor || 'an unnamed device';
}

function absent(name: string, cause: unknown): UserError {
  return new UserError(
    `The backend 'webgpu' needs the package '${name}', which does not load: ${(cause as Error).message.split('\n')[0]}. ` +
      `Run 'npm install --no-save ${PACKAGES[0]} ${PACKAGES[1]}@${tf.version_core}', or choose another backend.`,
    { cause },
  );
}
