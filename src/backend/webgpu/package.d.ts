/** The part of tfjs's package that is used here. It need not be installed, and the rest is built without it, too. */
declare module '@tensorflow/tfjs-backend-webgpu' {
  /** Undefined in a bundle that was made without the package. */
  export const WebGPUBackend: import('./webgpuBackend.js').OriginalClass | undefined;
}
