// The front door: what notebooks and programs import. Each room's own index.ts says what it shows.
export { deriveSeed, Random, uniform, useBackend } from './backend/index.js';
export type { BackendInfo, BackendName, BackendOptions } from './backend/index.js';
export * from './compact/index.js';
export * from './data/index.js';
export { UserError } from './errors.js';
export * from './experiments/index.js';
export * from './formats/index.js';
export * from './graph/index.js';
export * from './layers/index.js';
export * from './models/index.js';
export * from './notebook/display/index.js';
export { interruptSignal } from './notebook/kernel/interrupt.js';
export { savedOutput, saveOutput } from './notebook/outputs.js';
export * from './plots/index.js';
export * from './sparsity/index.js';
export * from './training/index.js';
