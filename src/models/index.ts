export * from './channelCost.js';
export type { ChannelMasks } from './channelMasks.js';
export * from './googleNet.js';
export * from './layerGraph.js';
