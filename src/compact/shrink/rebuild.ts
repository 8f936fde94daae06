import * as tf from '@tensorflow/tfjs';
import { BiasMap } from '../../layers/biasMap.js';
import type { L0Gate } from '../../layers/l0Gate.js';
import type { ChannelGraph, ChannelNode } from '../../graph/channelGraph.js';
import { addMaps, commonValues, isZero, mapValues, pickChannels, type ConstantMap } from '../weights/constantMap.js';
import { convolveMap, zeroMap, type BorderRule, type Constants } from '../weights/constants.js';
import { valuesOf, type KernelWeights, type NetworkWeights, type NormWeights } from '../weights/layerWeights.js';
import { copyLayer, setWeights } from './copyLayer.js';
import type { KeptChannels } from './keptChannels.js';

/** All that is known about a network when the smaller one is built. */
export interface RebuildPlan {
  graph: ChannelGraph;
  weights: NetworkWeights;
  kept: KeptChannels;
  constants: Constants;
  rule: BorderRule;
}

/**
 * Builds the network of the kept channels. Every tensor in it equals the same channels of the network it comes from (behind a
 * kernel that has taken in its batch norm, the batch norm's): what constant channels used to add to a layer is in that layer's
 * bias, in the mean of the batch norm behind it or, where the border makes it differ from place to place, in a BiasMap
 * (docs/compaction.md).
 */
export function rebuild(plan: RebuildPlan): tf.LayersModel {
  const { model, inputs, outputs } = plan.graph;
  const builder = new Builder(plan);
  const tensors = (list: ChannelNode[]): tf.SymbolicTensor[] => list.map((node) => builder.tensor(node));
  return tf.model({ inputs: tensors(inputs), outputs: tensors(outputs), name: model.name });
}

class Builder {
  private readonly tensors = new Map<ChannelNode, tf.SymbolicTensor>();
  /** What a batch norm has to take from its mean, by the layer in front of it. */
  private readonly shifts = new Map<ChannelNode, Float64Array>();

  constructor(private readonly plan: RebuildPlan) {}

  /** The output of a layer in the new network; built when first asked for. */
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
    switch (node.role) {
      case 'input':
        return tf.input({ shape: node.outputShape.slice(1), name: node.name });
      case 'norm':
        // Part of the kernel in front of it.
        return this.tensor(node.inputs[0]);
      case 'gate':
        return this.gate(node);
      case 'add':
        return this.add(node);
      case 'concat': {
        const parts = node.inputs.filter((input) => this.numbers(input).length > 0).map((input) => this.tensor(input));
        return parts.length === 1 ? parts[0] : apply(copyLayer(node), parts);
      }
      default:
        return this.each(node);
    }
  }

  /** The numbers of a layer's channels that stay. */
  private numbers(node: ChannelNode): number[] {
    return (this.plan.kept.kept.get(node) ?? []).flatMap((flag, c) => (flag ? [c] : []));
  }

  private constant(node: ChannelNode): ConstantMap {
    return this.plan.constants.get(node) ?? zeroMap(node);
  }

  private kernel(node: ChannelNode, weights: KernelWeights): tf.SymbolicTensor {
    const [source] = node.inputs;
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

    const layer = copyLayer(node, {
      [node.layer.getClassName() === 'Dense' ? 'units' : 'filters']: outputs.length,
      useBias: biased,
      activation: split ? 'linear' : activation,
    });
    const y = apply(layer, this.tensor(source));
    setWeights(layer, {
      kernel: slice(weights, inputs, outputs),
      bias: outputs.map((o, k) => (weights.bias?.[o] ?? 0) + common[k]),
    });
    const mapped = this.withMap(y, rest, node);
    if (!split) return mapped;
    return apply(tf.layers.activation({ name: `${node.name}_activation`, activation: activation as 'relu' }), mapped);
  }

  /** What the removed inputs of a kernel add to its kept outputs. */
  private absorbed(node: ChannelNode, weights: KernelWeights): ConstantMap {
    const [source] = node.inputs;
    const stays = this.plan.kept.kept.get(source) ?? [];
    const gone = mapValues(this.constant(source), (value, c) => (stays[c] ? 0 : value));
    const sum = isZero(gone) ? zeroMap(node) : convolveMap(node, weights, gone, this.plan.rule);
    return pickChannels(sum, this.numbers(node));
  }

  private norm(node: ChannelNode, { gamma, beta, mean, variance }: NormWeights): tf.SymbolicTensor {
    const numbers = this.numbers(node);
    const layer = copyLayer(node, { scale: gamma !== undefined, center: beta !== undefined });
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

  private gate(node: ChannelNode): tf.SymbolicTensor {
    const x = this.tensor(node.inputs[0]);
    if (!this.plan.weights.gates.has(node)) return x;
    const layer = copyLayer(node);
    const y = apply(layer, x);
    setWeights(layer, { logAlpha: pick((node.layer as L0Gate).logAlpha.dataSync<'float32'>(), this.numbers(node)) });
    return y;
  }

  private add(node: ChannelNode): tf.SymbolicTensor {
    const skipped = node.inputs.filter((input) => this.plan.kept.skipped(node, input));
    const parts = node.inputs.filter((input) => !skipped.includes(input)).map((input) => this.tensor(input));
    const sum = parts.length === 1 ? parts[0] : apply(copyLayer(node), parts);
    if (skipped.length === 0) return sum;
    const constant = addMaps(skipped.map((input) => this.constant(input)));
    return this.withMap(sum, pickChannels(constant, this.numbers(node)), node);
  }

  private each(node: ChannelNode): tf.SymbolicTensor {
    const layer = copyLayer(node);
    const y = apply(layer, this.tensor(node.inputs[0]));
    if (layer instanceof BiasMap) {
      const numbers = this.numbers(node);
      const values = valuesOf(node.layer, 'map') ?? new Float32Array();
      const places = Array.from({ length: values.length / node.channels }, (_, i) => i * node.channels);
      setWeights(layer, { map: places.flatMap((place) => numbers.map((c) => values[place + c])) });
    }
    return y;
  }

  /** Adds a map to a tensor, unless it is 0. */
  private withMap(
    x: tf.SymbolicTensor,
    { rows, columns, values, ...map }: ConstantMap,
    node: ChannelNode,
  ): tf.SymbolicTensor {
    if (isZero({ rows, columns, values, ...map })) return x;
    const layer = new BiasMap({ name: `${node.name}_bias_map`, rows, columns });
    const y = apply(layer, x);
    setWeights(layer, { map: values });
    return y;
  }
}

const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor | tf.SymbolicTensor[]): tf.SymbolicTensor =>
  layer.apply(x) as tf.SymbolicTensor;

const pick = (values: Float32Array, numbers: number[]): Float32Array => Float32Array.from(numbers, (c) => values[c]);

/** The kept inputs and outputs of a kernel, [window, inputs, outputs], flat. */
function slice({ values, window, inputs, outputs }: KernelWeights, from: number[], to: number[]): Float32Array {
  const kept = new Float32Array(window * from.length * to.length);
  let at = 0;
  for (let w = 0; w < window; w++) {
    for (const c of from) for (const o of to) kept[at++] = values[(w * inputs + c) * outputs + o];
  }
  return kept;
}
