import type * as tf from '@tensorflow/tfjs';
import { layerCosts } from './layerCosts.js';
import type { ChannelMasks } from '../../models/channelMasks.js';

/** How much of a network is left. */
export interface Count {
  /** What is left after cutting closed channels. */
  left: number;
  /** What there was. */
  full: number;
  /** 1 - left / full. */
  sparsity: number;
}

/** The complete count of parameters, with the two other sizes of a network. */
export interface CompleteCount extends Count {
  runningValues: Count;
  multiplyAdds: Count;
}

/** left and full with the share that is gone. */
export function countOf(left: number, full: number): Count {
  return { left, full, sparsity: 1 - left / full };
}

/**
 * The complete count: every value that training changes (kernels, biases, gamma, beta), before and after cutting the
 * channels whose mask is 0, both where they are computed and where they are read. Gates are not counted. 260,650 for
 * GoogleNet at full width.
 */
export function completeCount(model: tf.LayersModel, masks: ChannelMasks = new Map()): CompleteCount {
  const [left, full] = [layerCosts(model, masks), layerCosts(model)];
  const total = (costs: typeof left, key: 'parameters' | 'runningValues' | 'multiplyAdds'): number =>
    costs.reduce((sum, cost) => sum + cost[key], 0);
  const count = (key: 'parameters' | 'runningValues' | 'multiplyAdds'): Count =>
    countOf(total(left, key), total(full, key));
  return { ...count('parameters'), runningValues: count('runningValues'), multiplyAdds: count('multiplyAdds') };
}
