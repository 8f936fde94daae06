import { computedValues } from '../../backend/readable.js';
import { UserError } from '../../errors.js';
import type { ChannelGraph, ChannelNode } from '../../graph/channelGraph.js';
import { kernelGeometry, weightOf } from '../../graph/kernels.js';
import { activationOf } from '../../graph/layerRole.js';
import type { Layer } from '../../graph/names.js';
import type { Gate } from '../../layers/gate.js';
import { GatedConv2d } from '../../layers/gatedConv2d.js';
import type { L0Gate } from '../../layers/l0Gate.js';

/** The kernel of a layer, its bias and its activation. */
export interface KernelWeights {
  /**
   * [window, inputs, outputs], flat, for a transposed convolution too; [window, outputs] for a depthwise convolution;
   * for a separable convolution the composition of its two kernels.
   */
  values: Float32Array;
  window: number;
  inputs: number;
  outputs: number;
  /** For a depthwise convolution, the number of outputs made from each input. */
  multiplier?: number;
  /** The kernels of a separable convolution: [window, inputs * multiplier] and [inputs * multiplier, outputs]. */
  separable?: { depthwise: Float32Array; pointwise: Float32Array; multiplier: number };
  bias?: Float32Array;
  /** The name of its activation; 'linear' for none. */
  activation: string;
}

/** Batch norm at inference: (x - mean) / sqrt(variance + epsilon) * gamma + beta. */
export interface NormWeights {
  gamma?: Float32Array;
  beta?: Float32Array;
  mean: Float32Array;
  variance: Float32Array;
  epsilon: number;
}

/** Copies of a network's weights for compaction to work on: for each layer, those that belong to its role. */
export interface NetworkWeights {
  kernels: Map<ChannelNode, KernelWeights>;
  norms: Map<ChannelNode, NormWeights>;
  /** The factors of gates at inference. */
  gates: Map<ChannelNode, Float32Array>;
}

/** A copy of a layer's weight, by the last part of its name; undefined if there is none. */
export function valuesOf(layer: Layer, name: string): Float32Array | undefined {
  return weightOf(layer, name)?.read().dataSync<'float32'>().slice();
}

/** Reads a layer's weight, by the last part of its name, into a new array; undefined if there is none. */
type Read = typeof valuesOf;

const required = (read: Read, layer: Layer, name: string): Float32Array => {
  const values = read(layer, name);
  if (!values) throw new UserError(`The layer ${layer.name} (${layer.getClassName()}) has no ${name}.`);
  return values;
};

function kernelOf({ layer, outputShape }: ChannelNode, read: Read): KernelWeights {
  const { window, inputs, outputs, multiplier } = kernelGeometry(layer, outputShape)!;
  const rest = { window, inputs, outputs, bias: read(layer, 'bias'), activation: activationOf(layer) };
  switch (layer.getClassName()) {
    case 'DepthwiseConv2D':
      return { ...rest, multiplier, values: required(read, layer, 'depthwiseKernel') };
    case 'SeparableConv2D': {
      const [depthwise, pointwise] = ['depthwiseKernel', 'pointwiseKernel'].map((name) => required(read, layer, name));
      const separable = { depthwise, pointwise, multiplier: depthwise.length / (window * inputs) };
      return { ...rest, values: composed(rest, separable), separable };
    }
    case 'QuantizedConv2d':
    case 'QuantizedDense':
      throw new UserError(
        `The layer ${layer.name} (${layer.getClassName()}) holds whole numbers, and only networks of floats can be made smaller. ` +
          'Start from the network that it was made from.',
      );
    case 'Conv2DTranspose':
      return { ...rest, values: swapChannels(required(read, layer, 'kernel'), outputs, inputs) };
    default: {
      const values = required(read, layer, 'kernel');
      // Gates on weights become part of them.
      if (layer instanceof GatedConv2d) maskOf(layer).forEach((mask, i) => (values[i] *= mask));
      return { ...rest, values };
    }
  }
}

/** [window, from, to] as [window, to, from]. */
export function swapChannels(values: Float32Array, from: number, to: number): Float32Array {
  const swapped = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const [w, a, b] = [Math.floor(i / (from * to)), Math.floor(i / to) % from, i % to];
    swapped[(w * to + b) * from + a] = values[i];
  }
  return swapped;
}

/** The kernel [window, inputs, outputs] equivalent to a depthwise kernel followed by a pointwise one. */
function composed(
  { window, inputs, outputs }: Pick<KernelWeights, 'window' | 'inputs' | 'outputs'>,
  { depthwise, pointwise, multiplier }: NonNullable<KernelWeights['separable']>,
): Float32Array {
  const values = new Float32Array(window * inputs * outputs);
  for (let d = 0; d < depthwise.length; d++) {
    const between = d % (inputs * multiplier);
    const row = Math.floor(d / multiplier) * outputs;
    for (let o = 0; o < outputs; o++) values[row + o] += depthwise[d] * pointwise[between * outputs + o];
  }
  return values;
}

function normOf({ layer }: ChannelNode, read: Read): NormWeights {
  return {
    gamma: read(layer, 'gamma'),
    beta: read(layer, 'beta'),
    mean: required(read, layer, 'movingMean'),
    variance: required(read, layer, 'movingVariance'),
    epsilon: layer.getConfig().epsilon as number,
  };
}

function maskOf(gate: Gate): Float32Array {
  return computedValues(() => gate.inferenceMask());
}

/** The input that entry i of a kernel's values reads; the entry contributes to output i % outputs. */
export function inputOf({ inputs, outputs, multiplier }: KernelWeights, i: number): number {
  return multiplier === undefined ? Math.floor(i / outputs) % inputs : Math.floor((i % outputs) / multiplier);
}

/** The arrays of a kernel whose values each belong to one output: value i to output i % outputs. */
export function byOutput({ values, separable, bias }: KernelWeights): Float32Array[] {
  return [values, separable?.pointwise, bias].filter((part) => part !== undefined);
}

/** Multiplies output channel o of a kernel, and its bias, by factors[o]. */
export function scaleOutputs(kernel: KernelWeights, factors: ArrayLike<number>): void {
  for (const part of byOutput(kernel)) part.forEach((value, i) => (part[i] = value * factors[i % kernel.outputs]));
}

/** Multiplies the entries of a kernel that read input channel c by factors[c]. */
export function scaleInputs(kernel: KernelWeights, factors: ArrayLike<number>): void {
  const { values, separable, inputs } = kernel;
  for (let i = 0; i < values.length; i++) values[i] *= factors[inputOf(kernel, i)];
  separable?.depthwise.forEach((value, i) => {
    separable.depthwise[i] = value * factors[Math.floor(i / separable.multiplier) % inputs];
  });
}

/** The weights of a network's layers, as they are or as `read` gives them. */
export function networkWeights({ nodes }: ChannelGraph, read: Read = valuesOf): NetworkWeights {
  const of = <T>(roles: string[], read: (node: ChannelNode) => T): Map<ChannelNode, T> =>
    new Map(nodes.filter((node) => roles.includes(node.role)).map((node) => [node, read(node)]));
  return {
    kernels: of(['kernel', 'depthwise'], (node) => kernelOf(node, read)),
    norms: of(['norm'], (node) => normOf(node, read)),
    gates: of(['gate'], ({ layer }) => maskOf(layer as L0Gate)),
  };
}
