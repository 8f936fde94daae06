/** The part of tfjs's package that is used here. The package is optional, and everything else builds without it. */
declare module '@tensorflow/tfjs-backend-webgpu' {
  /** Undefined in a bundle that was made without the package. */
  export const WebGPUBackend: import('./webgpuBackend.js').OriginalClass | undefined;
}
