import { activationOf } from '../../graph/layerRole.js';
import { scaleOutputs, type NetworkWeights } from './layerWeights.js';

/**
 * Makes batch norms part of the kernels in front of them, with their activation, and takes them out of `weights.norms`:
 * gamma (W x + b - mean) / sqrt(variance + epsilon) + beta = s W x + s (b - mean) + beta.
 *
 * Where somebody else reads the kernel, or it has an activation of its own, the batch norm stays.
 */
export function foldNorms(weights: NetworkWeights): void {
  for (const [node, { gamma, beta, mean, variance, epsilon }] of weights.norms) {
    const [source] = node.inputs;
    const kernel = weights.kernels.get(source);
    if (!kernel || source.readers.length > 1 || source.output || kernel.activation !== 'linear') continue;
    const scale = Float64Array.from(variance, (value, c) => (gamma?.[c] ?? 1) / Math.sqrt(value + epsilon));
    const bias = mean.map((value, c) => ((kernel.bias?.[c] ?? 0) - value) * scale[c] + (beta?.[c] ?? 0));
    scaleOutputs(kernel, scale);
    kernel.bias = bias;
    kernel.activation = activationOf(node.layer);
    weights.norms.delete(node);
  }
}
