export { decodeSafetensors, encodeSafetensors, safetensorsMetadata, type SavedTensor } from './safetensors.js';
