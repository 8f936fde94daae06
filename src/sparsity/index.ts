export * from './ista/index.js';
export * from './l0Sparsifier.js';
export * from './repr/index.js';
export * from './sparsifier.js';
export { WeightMasks } from './weightMasks.js';
