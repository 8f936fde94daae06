import * as tf from '@tensorflow/tfjs';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { UserError } from '../../errors.js';
import type { OriginalClass } from './webgpuBackend.js';

// Importing the package makes it the default backend; here it computes only on request.
if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');

/**
 * The browser's version of loadPackage.ts: in a page the package is part of the bundle, if it was installed when the
 * library was built.
 */
export async function loadPackage(): Promise<{ WebGPUBackend: OriginalClass }> {
  if (WebGPUBackend) return Promise.resolve({ WebGPUBackend });
  throw new UserError(
    `The backend 'webgpu' is not in this page, which was made without the package '@tensorflow/tfjs-backend-webgpu'. ` +
      `Run 'npm install' without --omit=optional and make the page again, or choose backend 'simd'.`,
  );
}
