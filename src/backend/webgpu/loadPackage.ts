import { importOptional } from './device.js';
import type { OriginalClass } from './webgpuBackend.js';

/** tfjs's own package for WebGPU, which need not be installed. Throws a UserError where it does not load. */
export const loadPackage = (): Promise<{ WebGPUBackend: OriginalClass }> =>
  importOptional('@tensorflow/tfjs-backend-webgpu');
