// The kernels. Every parallel kernel ends with the arguments (begin, end, chunk, scratch): its share of the work.
export { activate, activationGradient, softmax } from './activations';
export {
  applyStrip, batchNormApply, batchNormMoments, batchNormScale, batchNormSums, gateRows, sumStrip,
} from './batchNorm';
export * from './batchNormGradient';
export { copyCodes, dequantizeRows, poolCodes, quantizeRows } from './codes';
export * from './convolution';
export * from './depthwise';
export * from './elementwise';
export * from './filter';
export * from './filterGradient';
export * from './fused';
export * from './int8';
export * from './int8Tile';
export * from './maxPool3';
export * from './muon';
export * from './padding';
export * from './pooling';
export * from './reductions';
export * from './tile';
export { wideDepthwiseTaps, wideDepthwiseTile, wideDepthwiseTile1 } from './wideDepthwise';
export { outer16, setWide, tile16 } from './wideTile';
export * from './winograd';
export { gradientTile3, gradientTile5, inputTile3, inputTile5, outputTile3, outputTile5 } from './winogradTiles';
