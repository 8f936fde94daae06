export * from './counts.js';
export * from './publishedCount.js';
