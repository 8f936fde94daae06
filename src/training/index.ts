export * from './adam.js';
export * from './adamW.js';
export * from './evaluate.js';
export * from './events.js';
export * from './optimizer.js';
export * from './schedules/index.js';
export * from './sgd.js';
export * from './train.js';
