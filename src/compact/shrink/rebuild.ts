import * as tf from '@tensorflow/tfjs';
import type { ChannelGraph, ChannelNode } from '../../graph/channelGraph.js';
import { imageOf } from '../../graph/kernels.js';
import { isMerge, type Merge } from '../../graph/layerRole.js';
import { freeName, type Layer } from '../../graph/names.js';
import { BiasMap } from '../../layers/biasMap.js';
import { copyLayer, type Kind } from '../../layers/completeConfigs.js';
import { Conv2d } from '../../layers/conv2d.js';
import { GatedConv2d } from '../../layers/gatedConv2d.js';
import { convolveMap, zeroMap, type BorderRule } from '../weights/channelValues.js';
import { commonValues, isZero, mapValues, mergeMaps, pickChannels, type ConstantMap } from '../weights/constantMap.js';
import { swapChannels, type KernelWeights, type NetworkWeights, type NormWeights } from '../weights/layerWeights.js';
import type { KeptChannels } from './keptChannels.js';

/** Everything needed to build the smaller network. */
export interface RebuildPlan {
  graph: ChannelGraph;
  weights: NetworkWeights;
  kept: KeptChannels;
  constants: ReadonlyMap<ChannelNode, ConstantMap>;
  /** Whether the following layers absorb the constants of removed channels. */
  absorb: boolean;
  rule: BorderRule;
}

/**
 * Builds the network of the kept channels. Every tensor in it equals the same channels of the original network (after a
 * kernel that has absorbed its batch norm, the batch norm's output): the contribution of constant channels to a layer
 * moves into that layer's bias, into the mean of the batch norm after it or, if the border makes it vary by place, into
 * a BiasMap (docs/compaction.md).
 */
export function rebuild(plan: RebuildPlan): tf.LayersModel {
  const { model, inputs, outputs } = plan.graph;
  const builder = new Builder(plan);
  const tensors = (list: ChannelNode[]): tf.SymbolicTensor[] => list.map((node) => builder.tensor(node));
  return tf.model({ inputs: tensors(inputs), outputs: tensors(outputs), name: model.name });
}

class Builder {
  private readonly tensors = new Map<ChannelNode, tf.SymbolicTensor>();
  /** The values to subtract from the mean of a batch norm, by the layer before it. */
  private readonly shifts = new Map<ChannelNode, Float64Array>();
  private readonly names: Set<string>;

  constructor(private readonly plan: RebuildPlan) {
    this.names = new Set(plan.graph.nodes.map(({ name }) => name));
  }

  /** The output of a layer in the new network, built on first use. */
  tensor(node: ChannelNode): tf.SymbolicTensor {
    const known = this.tensors.get(node);
    if (known) return known;
    const made = this.make(node);
    this.tensors.set(node, made);
    return made;
  }

  private make(node: ChannelNode): tf.SymbolicTensor {
    const { weights } = this.plan;
    const kernel = weights.kernels.get(node);
    if (kernel) return this.kernel(node, kernel);
    const norm = weights.norms.get(node);
    if (norm) return this.norm(node, norm);
    const { role } = node;
    if (isMerge(role)) return this.merge(node, role);
    switch (role) {
      case 'input':
        return tf.input({ shape: node.outputShape.slice(1), name: node.name, dtype: node.layer.dtype });
      case 'norm':
        // Folded into the kernel before it.
        return this.tensor(node.inputs[0]);
      case 'gate':
        return weights.gates.has(node) ? this.each(node) : this.tensor(node.inputs[0]);
      case 'concat': {
        const parts = node.inputs.filter((input) => this.numbers(input).length > 0).map((input) => this.tensor(input));
        return parts.length === 1 ? parts[0] : apply(copyOf(node), parts);
      }
      case 'reshape':
        return this.each(node, { targetShape: [...node.outputShape.slice(1, -1), this.numbers(node).length] });
      default:
        return this.each(node);
    }
  }

  /** The indices of a layer's channels that stay. */
  private numbers(node: ChannelNode): number[] {
    return (this.plan.kept.kept.get(node) ?? []).flatMap((flag, c) => (flag ? [c] : []));
  }

  private kernel(node: ChannelNode, weights: KernelWeights): tf.SymbolicTensor {
    const [source] = node.inputs;
    const kind = node.layer.getClassName();
    const [inputs, outputs] = [this.numbers(source), this.numbers(node)];
    const absorbed = this.absorbed(node, weights);
    const common = commonValues(absorbed);
    const rest = mapValues(absorbed, (value, c) => value - common[c]);

    const normBehind = node.readers.length === 1 && node.readers[0].role === 'norm' && !node.output;
    const { activation } = weights;
    const toNorm = !weights.bias && normBehind && activation === 'linear';
    if (toNorm) this.shifts.set(node, common);
    const biased = weights.bias !== undefined || (!toNorm && common.some((value) => value !== 0));
    const split = !isZero(rest) && activation !== 'linear';

    const width = { kernel: { [kind === 'Dense' ? 'units' : 'filters']: outputs.length }, depthwise: {} };
    const layer = copyOf(node, {
      ...width[node.role as 'kernel' | 'depthwise'],
      useBias: biased,
      activation: split ? 'linear' : activation,
    });
    const y = apply(layer, this.tensor(source));
    const bias = outputs.map((o, k) => (weights.bias?.[o] ?? 0) + common[k]);
    setWeights(layer, { ...kernelValues(kind, weights, inputs, outputs), bias });
    const mapped = this.withMap(y, rest, node);
    if (!split) return mapped;
    const name = freeName(this.names, `${node.name}_activation`);
    return apply(tf.layers.activation({ name, activation: activation as 'relu' }), mapped);
  }

  /** The contribution of a kernel's removed inputs to its kept outputs. */
  private absorbed(node: ChannelNode, weights: KernelWeights): ConstantMap {
    const [source] = node.inputs;
    const stays = this.plan.kept.kept.get(source) ?? [];
    const gone = mapValues(this.plan.constants.get(source)!, (value, c) => (stays[c] ? 0 : value));
    const sum = isZero(gone) || !this.plan.absorb ? zeroMap(node) : convolveMap(node, weights, gone, this.plan.rule);
    return pickChannels(sum, this.numbers(node));
  }

  private norm(node: ChannelNode, { gamma, beta, mean, variance }: NormWeights): tf.SymbolicTensor {
    const numbers = this.numbers(node);
    const layer = copyOf(node, { scale: gamma !== undefined, center: beta !== undefined });
    const y = apply(layer, this.tensor(node.inputs[0]));
    const shift = this.shifts.get(node.inputs[0]);
    setWeights(layer, {
      gamma: gamma && pick(gamma, numbers),
      beta: beta && pick(beta, numbers),
      movingMean: pick(mean, numbers).map((value, k) => value - (shift?.[k] ?? 0)),
      movingVariance: pick(variance, numbers),
    });
    return y;
  }

  /** Omits the constant parts of a sum or product, and adds or multiplies their merged value afterwards. */
  private merge(node: ChannelNode, role: Merge): tf.SymbolicTensor {
    const skipped = node.inputs.filter((input) => this.plan.kept.skipped(node, input));
    const parts = node.inputs.filter((input) => !skipped.includes(input)).map((input) => this.tensor(input));
    const merged = parts.length === 1 ? parts[0] : apply(copyOf(node), parts);
    if (skipped.length === 0) return merged;
    const maps = skipped.map((input) => this.plan.constants.get(input)!);
    const constant = pickChannels(mergeMaps(role, maps, imageOf(node.outputShape), node.channels), this.numbers(node));
    if (role === 'multiply') return this.scaled(merged, constant.values, node);
    return this.plan.absorb ? this.withMap(merged, constant, node) : merged;
  }

  /** Multiplies the channels of an image, with a layer of tf.layers. */
  private scaled(x: tf.SymbolicTensor, factors: Float64Array, node: ChannelNode): tf.SymbolicTensor {
    if (factors.every((factor) => factor === 1)) return x;
    const name = freeName(this.names, `${node.name}_scale`);
    const layer = tf.layers.depthwiseConv2d({ name, kernelSize: 1, useBias: false });
    const y = apply(layer, x);
    setWeights(layer, { depthwiseKernel: factors });
    return y;
  }

  /** Rebuilds a layer that treats each channel separately, with the weights of the channels that stay. */
  private each(node: ChannelNode, changes: tf.serialization.ConfigDict = {}): tf.SymbolicTensor {
    const layer = copyOf(node, changes);
    const y = apply(layer, this.tensor(node.inputs[0]));
    const numbers = this.numbers(node);
    const values = node.layer.weights.map((weight) => {
      const all = weight.read().dataSync<'float32'>();
      // Slopes may be shared by all channels.
      return weight.shape.at(-1) === node.channels ? pick(all, numbers, node.channels) : all;
    });
    tf.tidy(() => layer.setWeights(values.map((value, i) => tf.tensor(value, layer.weights[i].shape as number[]))));
    return y;
  }

  private withMap(
    x: tf.SymbolicTensor,
    { rows, columns, values, ...map }: ConstantMap,
    node: ChannelNode,
  ): tf.SymbolicTensor {
    if (isZero({ rows, columns, values, ...map })) return x;
    const layer = new BiasMap({ name: freeName(this.names, `${node.name}_bias_map`), rows, columns });
    const y = apply(layer, x);
    setWeights(layer, { map: values });
    return y;
  }
}

/** A private method of tf.layers. */
interface Buildable {
  addWeight(name: string, shape: tf.Shape, dtype?: tf.DataType, initializer?: unknown, ...rest: unknown[]): unknown;
}

/** The output of a new layer. Its weights are one constant until they are set: drawing millions of them takes long. */
export function apply(layer: Layer, x: tf.SymbolicTensor | tf.SymbolicTensor[]): tf.SymbolicTensor {
  const built = layer as unknown as Buildable;
  const add = built.addWeight.bind(layer);
  const same = tf.initializers.constant({ value: 0.01 });
  built.addWeight = (name, shape, dtype, _, ...rest) => add(name, shape, dtype, same, ...rest);
  return layer.apply(x) as tf.SymbolicTensor;
}

/** Picks some channels of values [..., channels], flat. */
function pick(values: Float32Array, numbers: number[], channels = values.length): Float32Array {
  const places = Array.from({ length: values.length / channels }, (_, i) => i * channels);
  return Float32Array.from(places.flatMap((place) => numbers.map((c) => values[place + c])));
}

/** The kept inputs and outputs of a kernel, by the weight names and in the layout of its layer class. */
function kernelValues(
  kind: string,
  { values, window, inputs, outputs, separable }: KernelWeights,
  from: number[],
  to: number[],
): Record<string, Float32Array> {
  switch (kind) {
    case 'DepthwiseConv2D':
      return { depthwiseKernel: pick(values, to, outputs) };
    case 'SeparableConv2D': {
      const { depthwise, pointwise, multiplier } = separable!;
      const between = from.flatMap((c) => Array.from({ length: multiplier }, (_, j) => c * multiplier + j));
      return {
        depthwiseKernel: pick(depthwise, between, inputs * multiplier),
        pointwiseKernel: slice(pointwise, [1, inputs * multiplier, outputs], between, to),
      };
    }
    case 'Conv2DTranspose':
      return { kernel: swapChannels(slice(values, [window, inputs, outputs], from, to), from.length, to.length) };
    default:
      return { kernel: slice(values, [window, inputs, outputs], from, to) };
  }
}

/** Picks some inputs and outputs of a kernel [window, inputs, outputs], flat. */
function slice(
  values: Float32Array,
  [window, inputs, outputs]: [number, number, number],
  from: number[],
  to: number[],
): Float32Array {
  const kept = new Float32Array(window * from.length * to.length);
  let at = 0;
  for (let w = 0; w < window; w++) {
    for (const c of from) for (const o of to) kept[at++] = values[(w * inputs + c) * outputs + o];
  }
  return kept;
}

/**
 * A copy of a place's layer, with the name of the place; a convolution with gates on its weights becomes a plain one.
 */
export function copyOf({ layer, name }: ChannelNode, changes: tf.serialization.ConfigDict = {}): Layer {
  // The shape of the input follows from what the copy is applied to.
  const all = { batchInputShape: null, ...changes };
  return copyLayer(layer, name, all, (layer instanceof GatedConv2d ? Conv2d : layer.constructor) as Kind);
}

/** Sets the weights of a built layer, by the last part of each weight's name in camel case. */
function setWeights(layer: Layer, values: Record<string, ArrayLike<number> | undefined>): void {
  tf.tidy(() => {
    layer.setWeights(
      layer.weights.map(({ originalName, shape }) => {
        const name = (originalName.split('/').at(-1) ?? '').replace(/_(\w)/, (_, letter: string) =>
          letter.toUpperCase(),
        );
        const given = values[name];
        if (!given) throw new Error(`no values for the weight ${originalName}`);
        return tf.tensor(Float32Array.from(given), shape as number[]);
      }),
    );
  });
}
