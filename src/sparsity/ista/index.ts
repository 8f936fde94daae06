export * from './istaLayers.js';
export * from './istaSparsifier.js';
export * from './rescaleGammas.js';
export * from './softThreshold.js';
