export * from './batchNorm.js';
export * from './conv2d.js';
export * from './hardConcrete.js';
export * as hardConcreteCurves from './hardConcreteCurves.js';
export * from './l0Gate.js';
export type { CallOptions, LayerOptions } from './layer.js';
export * from './maxPool2d.js';
export type { Padding } from './padding.js';
