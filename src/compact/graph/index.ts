export { channelGraph, type Channel, type ChannelGraph, type ChannelNode } from './channelGraph.js';
export * from './channelGroups.js';
export type { LayerRole } from './layerRole.js';
