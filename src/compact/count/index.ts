export * from './completeCount.js';
export * from './layerCosts.js';
export * from './openChannels.js';
export * from './seedCount.js';
export * from './weightCount.js';
