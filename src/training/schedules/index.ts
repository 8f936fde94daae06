export * from './exponentialDecay.js';
export * from './multiStep.js';
export * from './oneCycle.js';
export * from './schedule.js';
