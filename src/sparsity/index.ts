export * from './ista/index.js';
export * from './l0/index.js';
export * from './repr/index.js';
export * from './sparsifier.js';
export { WeightMasks } from './weightMasks.js';
