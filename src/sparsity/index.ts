export * from './l0Sparsifier.js';
export * from './sparsifier.js';
