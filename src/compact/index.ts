export * from './count/index.js';
export * from './graph/index.js';
export { compact, type CompactOptions } from './shrink/compact.js';
export type { KeepOptions } from './shrink/keptChannels.js';
