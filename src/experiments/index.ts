export * from './blockTable.js';
export * from './copyWeights.js';
export * from './l0GoogleNet.js';
export * from './l0Result.js';
export * from './l0Settings.js';
export * from './resultTable.js';
