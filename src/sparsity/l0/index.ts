export * from './l0Sparsifier.js';
export type { SparsityTarget } from './lambdaController.js';
export type { L0Weighting } from './weightedGates.js';
