export { encodeOnnx, saveOnnx } from './onnx.js';
export * from './safetensors.js';
export * from './tfjs.js';
