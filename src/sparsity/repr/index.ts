export * from './filterCosines.js';
export * from './filterOverlap.js';
export * from './nullSpace.js';
export * from './orthogonalityScores.js';
export * from './rankFilters.js';
export * from './refillFilters.js';
export type { ReprNextLayer } from './reinitialise.js';
export * from './reprSchedule.js';
export * from './reprSparsifier.js';
