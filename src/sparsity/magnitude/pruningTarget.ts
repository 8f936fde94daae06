import type { Weight } from '../../layers/layer.js';
import type { ChannelMasks } from '../../models/channelMasks.js';
import type { WeightMasks } from '../weightMasks.js';
import type { PruningScope } from './pruneSmallest.js';

/** What magnitude pruning chooses among. */
export interface PruningTarget {
  /** The kernels it prunes. */
  weights: readonly Weight[];
  /** Puts masks that prune an amount of what is left in place of those there are. */
  prune(masks: WeightMasks, amount: number, scope: PruningScope): void;
  /** The masks of channels; empty where single weights are pruned. */
  channelMasks(masks: WeightMasks): ChannelMasks;
}
