export * from './counts.js';
export * from './seedCount.js';
