export * from './channelFlow.js';
export { channelGraph, type Channel, type ChannelGraph, type ChannelNode } from './channelGraph.js';
export * from './channelGroups.js';
export { forward, gatesOf } from './gates.js';
export { kernelGeometry, type Kernel, type KernelGeometry } from './kernels.js';
export type { LayerRole } from './layerRole.js';
export * from './names.js';
export * from './networkGraph.js';
