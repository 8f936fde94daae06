export { encodeOnnx, saveOnnx } from './onnx/onnx.js';
export * from './safetensors.js';
export * from './tfjs.js';
