// Stands in a page's bundle for tfjs's package for WebGPU where that is not installed.
export const WebGPUBackend = undefined;
