export * from './ista/index.js';
export * from './l0Sparsifier.js';
export * from './sparsifier.js';
