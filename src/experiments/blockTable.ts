import type * as tf from '@tensorflow/tfjs';
import { layerCosts, type LayerCost } from '../compact/count/counts.js';
import type { ChannelMasks } from '../graph/channelGraph.js';

/** What a block of the network costs, as a row of a table. */
export interface BlockRow {
  block: string;
  'channels out': number;
  parameters: number;
  'multiply-adds': number;
  [column: string]: string | number;
}

/**
 * The convolutions and dense layers whose outputs leave the block: in an inception block the last ones of its branches.
 */
const leaves = ({ layer }: LayerCost): boolean => /_conv$|^logits$/.test(layer) && !layer.includes('_reduce_');

/**
 * What each block of GoogleNet costs per image, from the stem to the logits, with closed channels cut out. A layer's
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
