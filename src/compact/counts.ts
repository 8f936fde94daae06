import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { channelGraph, type ChannelGraph, type ChannelMasks, type ChannelNode } from '../graph/channelGraph.js';
import { kernelGeometry } from '../graph/kernels.js';
import { weightNames } from '../graph/names.js';
import { inLayerOrder } from '../graph/networkGraph.js';
import { channelValues, type ChannelFlags } from './weights/channelValues.js';
import { networkWeights, scaleOutputs } from './weights/layerWeights.js';
import { checkMasks, closings } from './weights/masks.js';
import { inceptionBlocks } from '../models/googleNet.js';

/** How much of a network is left. */
export interface Count {
  /** The number that remains after cutting closed channels. */
  left: number;
  /** The number before cutting. */
  full: number;
  /** 1 - left / full. */
  sparsity: number;
}

/** The complete count of parameters, with the counts of running values and multiply-adds. */
export interface CompleteCount extends Count {
  runningValues: Count;
  multiplyAdds: Count;
}

/** left and full, with the share that is removed. */
export function countOf(left: number, full: number): Count {
  return { left, full, sparsity: 1 - left / full };
}

/**
 * The complete count: every value that training changes (kernels, biases, gamma, beta), before and after cutting the
 * channels whose mask is 0, both from the layers that compute them and from those that read them. Gates are not
 * counted. 260,650 for GoogleNet at full width.
 */
export function completeCount(model: tf.LayersModel, masks: ChannelMasks = new Map()): CompleteCount {
  const [left, full] = [layerCosts(model, masks), layerCosts(model)];
  const count = (key: 'parameters' | 'runningValues' | 'multiplyAdds'): Count => {
    const [before, after] = [full, left].map((costs) => costs.reduce((sum, cost) => sum + cost[key], 0));
    return countOf(after, before);
  };
  return { ...count('parameters'), runningValues: count('runningValues'), multiplyAdds: count('multiplyAdds') };
}

/** The cost of a layer after cutting its closed channels and those of its inputs. */
export interface LayerCost {
  layer: string;
  /** Open input channels (for a dense layer: open inputs) and open output channels. */
  inputs: number;
  outputs: number;
  /** Values that training changes: kernel, bias, gamma, beta, slopes, bias map. Gates are not counted. */
  parameters: number;
  /** Running means and variances. */
  runningValues: number;
  /** Multiply-adds of the kernel per image; biases and batch norm, which folds into the kernel, are not counted. */
  multiplyAdds: number;
}

/**
 * The cost of every layer with weights except gates, in the model's order; without masks, the cost of the full network.
 * Throws a UserError for masks that do not fit, and for a layer whose channels cannot be followed.
 */
export function layerCosts(model: tf.LayersModel, masks: ChannelMasks = new Map()): LayerCost[] {
  const graph = channelGraph(model);
  const open = openIn(graph, masks);
  const width = (node: ChannelNode): number => (open.get(node) ?? []).filter((flag) => flag).length;
  return inLayerOrder(graph).flatMap((node): LayerCost[] => {
    const { layer, name, role } = node;
    const inputs = node.inputs.reduce((sum, input) => sum + width(input), 0);
    const outputs = width(node);
    const geometry = kernelGeometry(layer, node.outputShape);
    if (geometry) {
      const entries = geometry.kernels.reduce((sum, kernel) => sum + kernel.entries(inputs, outputs), 0);
      const parameters = entries + (geometry.bias ? outputs : 0);
      return [
        { layer: name, inputs, outputs, parameters, runningValues: 0, multiplyAdds: entries * geometry.positions },
      ];
    }
    if (layer.weights.length === 0 || role === 'gate') return [];
    const cost: LayerCost = { layer: name, inputs, outputs, parameters: 0, runningValues: 0, multiplyAdds: 0 };
    for (const { originalName, shape } of layer.weights) {
      const size = (shape as number[]).reduce((product, side) => product * side, 1);
      const left = shape.at(-1) === node.channels ? (size / node.channels) * outputs : size;
      cost[/\/moving_?(mean|variance)$/i.test(originalName) ? 'runningValues' : 'parameters'] += left;
    }
    return [cost];
  });
}

/**
 * The channels of each layer that can be nonzero, found layer by layer from the masks: a convolution or dense layer has
 * the channels that its mask leaves open, concatenation joins them, a sum has the channels that are open on either
 * side, flattening repeats them for each position, a softmax or layer normalisation opens all if one is open, and every
 * other layer passes them on. A product also has the channels that are open on either side, unless the other side makes
 * it a constant by being 0.
 *
 * Throws a UserError for a mask without a layer, or with a number of values other than the layer's channels.
 */
function openIn(graph: ChannelGraph, masks: ChannelMasks): ChannelFlags {
  checkMasks(graph, masks);
  const live =
    graph.nodes.some(({ role }) => role === 'multiply') && masks.size > 0 ? liveWith(graph, masks) : undefined;
  const open: ChannelFlags = new Map();
  for (const node of graph.nodes) {
    const mask = masks.get(node.name);
    const isOpen = (c: number): boolean => {
      const sources = node.sources(c).map(({ node: from, channel }) => open.get(from)![channel]);
      if (mask?.[c] === 0) return false;
      if (node.role === 'multiply' && sources.includes(false) && live?.get(node)?.[c] === false) return false;
      return sources.length === 0 || sources.includes(true);
    };
    const flags = Array.from({ length: node.channels }, (_, c) => isOpen(c));
    open.set(node, node.role === 'mix' ? flags.fill(flags.includes(true)) : flags);
  }
  return open;
}

/** The channels that depend on the network's input after masks have closed theirs. */
function liveWith(graph: ChannelGraph, masks: ChannelMasks): ChannelFlags {
  const weights = networkWeights(graph);
  for (const [node, factors] of closings(weights, masks)) scaleOutputs(weights.kernels.get(node)!, factors);
  return channelValues(graph, weights, 'exact').live;
}

/** How much of a network is left after removing single weights. */
export interface WeightCount extends Count {
  /** Multiply-adds of the remaining weights, as on a machine that skips zeros. */
  multiplyAdds: Count;
}

/**
 * The complete count of parameters and multiply-adds after masks remove single entries of kernels: a 0 counts as
 * removed, biases and batch norm stay. `masks` are flat, by the kernel's name (layer/kernel). Channels closed by
 * `channels` are removed as well, counted as in `completeCount`.
 *
 * Throws a UserError for a mask without a kernel, or with a number of values other than the kernel's, and as
 * `completeCount` does.
 */
export function weightCount(
  model: tf.LayersModel,
  masks: ReadonlyMap<string, Float32Array>,
  channels: ChannelMasks = new Map(),
): WeightCount {
  const full = completeCount(model, channels);
  const names = weightNames(model);
  const graph = channelGraph(model);
  const open = openIn(graph, channels);
  const kernels = new Map(
    graph.nodes.flatMap((node) => {
      const geometry = kernelGeometry(node.layer, node.outputShape);
      return (geometry?.kernels ?? []).map(({ weight, inputOf, outputOf }) => {
        const [inputs, outputs] = [open.get(node.inputs[0])!, open.get(node)!];
        const isOpen = (entry: number): boolean => inputs[inputOf(entry)] && (!outputOf || outputs[outputOf(entry)]);
        return [names.get(weight)!, { size: weight.read().size, positions: geometry!.positions, isOpen }] as const;
      });
    }),
  );
  let [parameters, multiplyAdds] = [full.left, full.multiplyAdds.left];
  for (const [name, mask] of masks) {
    const kernel = kernels.get(name);
    if (!kernel)
      throw new UserError(`A mask of weights must have the name of a kernel of ${model.name}; received ${name}.`);
    const { size, positions, isOpen } = kernel;
    if (mask.length !== size)
      throw new UserError(`The mask of ${name} must have ${size} values; received ${mask.length}.`);
    const removed = mask.reduce((count, value, entry) => count + (value === 0 && isOpen(entry) ? 1 : 0), 0);
    parameters -= removed;
    multiplyAdds -= removed * positions;
  }
  return { ...countOf(parameters, full.full), multiplyAdds: countOf(multiplyAdds, full.multiplyAdds.full) };
}

/** The published count of GoogleNet, in total and by block. */
export interface PublishedCount extends Count {
  blocks: (Count & { inputs: number })[];
}

/** Values per channel of a batch norm by the project's rule: gamma, beta and the two running ones. */
const NORM = 4;

function blockCount(costOf: (layer: string) => LayerCost, block: string): number {
  const kernel = (name: string): number => {
    const { parameters, outputs } = costOf(`${block}_${name}_conv`);
    return parameters - outputs;
  };
  const whole = (name: string): number => kernel(name) + costOf(`${block}_${name}_conv`).outputs * (1 + NORM);
  return whole('1x1') + kernel('3x3_reduce') + whole('3x3') + kernel('5x5_reduce') + whole('5x5');
}

/**
 * The count behind the L0 project's published sparsity, for GoogleNet only. For each block it counts the 1x1, 3x3 and
 * 5x5 convolutions with their biases and four batch-norm values per channel, and the weights of the reduce
 * convolutions; it adds the first convolution and the dense layer. It leaves out the pool branch's convolution, the
 * biases and batch norms of the reduce convolutions and the first batch norm: 248,434 in total, while the complete
 * count is 260,650.
 *
 * Throws a UserError for another network.
 */
export function publishedCount(model: tf.LayersModel, masks: ChannelMasks = new Map()): PublishedCount {
  const table = (costs: LayerCost[]): ((layer: string) => LayerCost) => {
    const byName = new Map(costs.map((cost) => [cost.layer, cost]));
    return (layer) => {
      const cost = byName.get(layer);
      if (!cost)
        throw new UserError(
          `The published count must be asked of a googleNet; received ${model.name}, which has no ${layer}.`,
        );
      return cost;
    };
  };
  const [left, full] = [table(layerCosts(model, masks)), table(layerCosts(model))];
  const blocks = Array.from({ length: inceptionBlocks }, (_, i) => {
    const block = `block${i + 1}`;
    return { ...countOf(blockCount(left, block), blockCount(full, block)), inputs: left(`${block}_1x1_conv`).inputs };
  });
  const ends = (cost: typeof left): number => cost('stem_conv').parameters + cost('logits').parameters;
  const sum = (key: 'left' | 'full'): number => blocks.reduce((n, block) => n + block[key], 0);
  return { ...countOf(ends(left) + sum('left'), ends(full) + sum('full')), blocks };
}

/** The cost of a block of the network, as a row of a table. */
export interface BlockRow {
  block: string;
  'channels out': number;
  parameters: number;
  'multiply-adds': number;
  [column: string]: string | number;
}

/**
 * Whether a layer is a convolution or dense layer whose output leaves the block: in an inception block the last one of
 * each branch.
 */
const leaves = ({ layer }: LayerCost): boolean => /_conv$|^logits$/.test(layer) && !layer.includes('_reduce_');

/**
 * The cost per image of each block of GoogleNet, from the stem to the logits, with closed channels cut out. A layer's
 * block is its name up to the first `_`.
 */
export function blockTable(model: tf.LayersModel, masks?: ChannelMasks): BlockRow[] {
  const blocks = new Map<string, LayerCost[]>();
  for (const cost of layerCosts(model, masks)) {
    const block = cost.layer.split('_')[0];
    blocks.set(block, [...(blocks.get(block) ?? []), cost]);
  }
  const sum = (costs: LayerCost[], key: 'outputs' | 'parameters' | 'multiplyAdds'): number =>
    costs.reduce((total, cost) => total + cost[key], 0);
  const row = (block: string, costs: LayerCost[]): BlockRow => ({
    block,
    'channels out': sum(costs.filter(leaves), 'outputs'),
    parameters: sum(costs, 'parameters'),
    'multiply-adds': sum(costs, 'multiplyAdds'),
  });
  const rows = [...blocks].map(([block, costs]) => row(block, costs));
  const all = [...blocks.values()].flat();
  return [...rows, { ...row('all', all), 'channels out': model.outputs[0].shape.at(-1) ?? 0 }];
}
