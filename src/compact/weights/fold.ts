import type { ChannelNode } from '../../graph/channelGraph.js';
import { activationOf, isHomogeneous, isHomogeneousActivation } from '../../graph/layerRole.js';
import { scaleInputs, scaleOutputs } from './layerWeights.js';
import type { KernelWeights, NetworkWeights, NormWeights } from './layerWeights.js';

/**
 * Multiplies the factors of gates into the weights around them, and removes the folded gates from `weights.gates`.
 * Exact, because a factor is never negative:
 *
 * - into the batch norm or kernel before the gate, g relu(gamma x + beta) = relu(g gamma x + g beta), if only ReLU and
 *   pooling lie between the two and no other layer reads them;
 * - otherwise into the kernels after the gate, W (g x) = (W g) x, if every path from the gate leads to one.
 *
 * A gate for which neither is possible remains.
 */
export function foldGates(weights: NetworkWeights): void {
  for (const [gate, factors] of weights.gates) {
    const kernels = kernelsBehind(gate, factors, weights);
    const source = sourceBefore(gate);
    const norm = source && weights.norms.get(source);
    const kernel = source && weights.kernels.get(source);
    if (norm) scaleNorm(norm, factors);
    else if (kernel) scaleOutputs(kernel, factors);
    else if (kernels) kernels.forEach(([reader, scales]) => scaleInputs(reader, scales));
    else continue;
    weights.gates.delete(gate);
  }
}

function scaleNorm(norm: NormWeights, factors: Float32Array): void {
  norm.gamma = factors.map((factor, c) => factor * (norm.gamma?.[c] ?? 1));
  norm.beta = norm.beta?.map((value, c) => value * factors[c]);
}

/** The batch norm or kernel whose channels the gate scales, if scaling its weights does the same. */
function sourceBefore(gate: ChannelNode): ChannelNode | undefined {
  let node = gate.inputs[0];
  while (node.readers.length === 1 && !node.output) {
    if (node.role === 'norm' || node.role === 'kernel' || node.role === 'depthwise') {
      return isHomogeneousActivation(activationOf(node.layer)) ? node : undefined;
    }
    if (!(node.role === 'gate' || (node.role === 'channelwise' && isHomogeneous(node.layer)))) return undefined;
    node = node.inputs[0];
  }
  return undefined;
}

/**
 * The kernels that read a gate, each with the factors of its input channels; undefined if any path from the gate does
 * not lead to a kernel.
 */
function kernelsBehind(
  node: ChannelNode,
  factors: Float32Array,
  weights: NetworkWeights,
): [KernelWeights, Float32Array][] | undefined {
  if (node.output) return undefined;
  const found: [KernelWeights, Float32Array][] = [];
  for (const reader of node.readers) {
    const kernel = weights.kernels.get(reader);
    if (kernel) {
      found.push([kernel, factors]);
      continue;
    }
    const passed = factorsPassed(reader, node, factors);
    const further = passed && kernelsBehind(reader, passed, weights);
    if (!further) return undefined;
    found.push(...further);
  }
  return found;
}

/** The factors of a reader's output channels, if scaling its input by `factors` is the same as scaling its output. */
function factorsPassed(reader: ChannelNode, from: ChannelNode, factors: Float32Array): Float32Array | undefined {
  if (reader.role === 'gate') return factors;
  if (reader.role === 'channelwise') return isHomogeneous(reader.layer) ? factors : undefined;
  // A product is scaled by the factor of each part.
  if (reader.role === 'multiply') {
    const parts = reader.inputs.filter((input) => input === from);
    return parts.length === 1 && from.channels === reader.channels ? factors : undefined;
  }
  if (reader.role === 'flatten' || reader.role === 'reshape')
    return Float32Array.from({ length: reader.channels }, (_, c) => factors[c % factors.length]);
  if (reader.role !== 'concat') return undefined;
  const parts = reader.inputs.map((input) => (input === from ? [...factors] : Array<number>(input.channels).fill(1)));
  return Float32Array.from(parts.flat());
}
/**
 * Folds batch norms and their activations into the kernels before them, and removes them from `weights.norms`:
 *
 * gamma (W x + b - mean) / sqrt(variance + epsilon) + beta = s W x + s (b - mean) + beta.
 *
 * The batch norm stays if another layer in `built` reads the kernel's output, if that is an output of the network, or
 * if the kernel has its own activation.
 */
export function foldNorms(weights: NetworkWeights, built: ReadonlySet<ChannelNode>): void {
  for (const [node, { gamma, beta, mean, variance, epsilon }] of weights.norms) {
    const [source] = node.inputs;
    const kernel = weights.kernels.get(source);
    const others = source.readers.some((reader) => reader !== node && built.has(reader));
    if (!kernel || others || source.output || kernel.activation !== 'linear') continue;
    const scale = Float64Array.from(variance, (value, c) => (gamma?.[c] ?? 1) / Math.sqrt(value + epsilon));
    const bias = mean.map((value, c) => ((kernel.bias?.[c] ?? 0) - value) * scale[c] + (beta?.[c] ?? 0));
    scaleOutputs(kernel, scale);
    kernel.bias = bias;
    kernel.activation = activationOf(node.layer);
    weights.norms.delete(node);
  }
}
