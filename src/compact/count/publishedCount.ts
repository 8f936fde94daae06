import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { inceptionBlocks } from '../../models/googleNet.js';
import { countOf, layerCosts, type Count, type LayerCost } from './counts.js';
import type { ChannelMasks } from '../../graph/channelGraph.js';

/** The published count of GoogleNet, in all and by block. */
export interface PublishedCount extends Count {
  blocks: (Count & { inputs: number })[];
}

/** Values of a batch norm by the project's rule: gamma, beta and the two running ones. */
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
 * The count behind the L0 project's published sparsity, for GoogleNet only. Of each block it counts the 1x1, 3x3 and
 * 5x5 convolutions with bias and four batch-norm values a channel, and the weights of the reduce convolutions; besides,
 * the first convolution and the dense layer. It leaves out the pool branch's convolution, biases and batch norm of the
 * reduce convolutions and the first batch norm: 248,434 in all where the complete count has 260,650.
 *
 * Throws a UserError for another network.
 */
export function publishedCount(model: tf.LayersModel, masks: ChannelMasks = new Map()): PublishedCount {
  const table = (costs: LayerCost[]): ((layer: string) => LayerCost) => {
    const byName = new Map(costs.map((cost) => [cost.layer, cost]));
    return (layer) => {
      const cost = byName.get(layer);
      if (!cost)
        throw new UserError(`The published count is defined for googleNet alone; ${model.name} has no ${layer}.`);
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
