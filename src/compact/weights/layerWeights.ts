import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import type { Gate } from '../../layers/gate.js';
import { GatedConv2d } from '../../layers/gatedConv2d.js';
import type { L0Gate } from '../../layers/l0Gate.js';
import type { Layer } from '../../graph/names.js';
import type { ChannelGraph, ChannelNode } from '../../graph/channelGraph.js';
import { weightOf } from '../../graph/kernels.js';
import { activationOf } from '../../graph/layerRole.js';

/** A kernel as [window, inputs, outputs], flat, its bias, and what it ends with. */
export interface KernelWeights {
  values: Float32Array;
  window: number;
  inputs: number;
  outputs: number;
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

/** Copies of a network's weights, as compaction works on them: of each layer what its role gives it. */
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

const required = (layer: Layer, name: string): Float32Array => {
  const values = valuesOf(layer, name);
  if (!values) throw new UserError(`The layer ${layer.name} (${layer.getClassName()}) has no ${name}.`);
  return values;
};

function kernelOf({ layer, channels, inputShapes }: ChannelNode): KernelWeights {
  const values = required(layer, 'kernel');
  // Gates on weights become part of them.
  if (layer instanceof GatedConv2d) maskOf(layer).forEach((mask, i) => (values[i] *= mask));
  const inputs = inputShapes[0].at(-1) ?? 0;
  return {
    values,
    window: values.length / (inputs * channels),
    inputs,
    outputs: channels,
    bias: valuesOf(layer, 'bias'),
    activation: activationOf(layer),
  };
}

function normOf({ layer }: ChannelNode): NormWeights {
  return {
    gamma: valuesOf(layer, 'gamma'),
    beta: valuesOf(layer, 'beta'),
    mean: required(layer, 'movingMean'),
    variance: required(layer, 'movingVariance'),
    epsilon: layer.getConfig().epsilon as number,
  };
}

function maskOf(gate: Gate): Float32Array {
  return tf.tidy(() => gate.inferenceMask().dataSync<'float32'>().slice());
}

/** Multiplies output channel o of a kernel, and its bias, by factors[o]. */
export function scaleOutputs(kernel: KernelWeights, factors: ArrayLike<number>): void {
  const { values, outputs, bias } = kernel;
  for (let i = 0; i < values.length; i++) values[i] *= factors[i % outputs];
  bias?.forEach((value, o) => (bias[o] = value * factors[o]));
}

/** Multiplies what a kernel takes from input channel c by factors[c]. */
export function scaleInputs({ values, inputs, outputs }: KernelWeights, factors: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) values[i] *= factors[Math.floor(i / outputs) % inputs];
}

/** The weights of a network's layers, as they are. */
export function networkWeights({ nodes }: ChannelGraph): NetworkWeights {
  const of = <T>(role: string, read: (node: ChannelNode) => T): Map<ChannelNode, T> =>
    new Map(nodes.filter((node) => node.role === role).map((node) => [node, read(node)]));
  return {
    kernels: of('kernel', kernelOf),
    norms: of('norm', normOf),
    gates: of('gate', ({ layer }) => maskOf(layer as L0Gate)),
  };
}
