import { importOptional } from './device.js';
import type { OriginalClass } from './webgpuBackend.js';

/** Loads tfjs's own package for WebGPU, which is optional. Throws a UserError if it does not load. */
export const loadPackage = (): Promise<{ WebGPUBackend: OriginalClass }> =>
  importOptional('@tensorflow/tfjs-backend-webgpu');
