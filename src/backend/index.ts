// The room's door: which tensor backend runs, what it can do in one pass, and reproducible random numbers.
export * from './fusedOps.js';
export { deriveSeed, Random, uniform } from './random.js';
export { useBackend, type BackendInfo, type BackendName, type BackendOptions } from './useBackend.js';
