// Replaces tfjs's package for WebGPU in a page's bundle if the package is not installed.
export const WebGPUBackend = undefined;
