export * from './magnitudeSparsifier.js';
export * from './pruneSmallest.js';
export * from './pruningPlan.js';
