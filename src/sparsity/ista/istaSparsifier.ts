import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import type { ChannelMasks } from '../../models/channelMasks.js';
import type { Sparsifier } from '../sparsifier.js';
import { istaLayers, type IstaLayer } from './istaLayers.js';
import { softThreshold } from './softThreshold.js';

export interface IstaOptions {
  /** The penalty's weight against the loss: each gamma is charged l1_penalty * cost * |gamma|. */
  l1_penalty: number;
  /** Whether a channel's cost is as in the project's code where that departs from its own rule. Default false. */
  seedCosts?: boolean;
}

/** How far the gammas have shrunk. */
export interface GammaSummary {
  /** Sum of cost * |gamma|, without l1_penalty. */
  groupLasso: number;
  /** Share of the zero gammas, each weighted by its cost. */
  fakeSparsity: number;
}

/** The group lasso and the fake sparsity of some layers' gammas, as the project's log has them. */
export function gammaSummary(layers: readonly { cost: number; gamma: ArrayLike<number> }[]): GammaSummary {
  let [groupLasso, closed, all] = [0, 0, 0];
  for (const { cost, gamma } of layers) {
    for (const value of Array.from(gamma)) {
      groupLasso += cost * Math.abs(value);
      closed += value === 0 ? cost : 0;
      all += cost;
    }
  }
  return { groupLasso, fakeSparsity: closed / all };
}

/**
 * Channel pruning by proximal gradient descent on batch norm's gammas (Ye et al. 2018, section 4): after each step of
 * the optimizer, which should be plain SGD, gamma <- softThreshold(gamma, cost * lr * l1_penalty). A channel is closed
 * while its gamma is exactly 0; it then gives the constant relu(beta), and its gamma may come back.
 *
 * Costs are those of the network as it stands, so that a compact network has costs of its own. Throws a UserError for a
 * network without gammas to prune by, and for a penalty below 0.
 */
export function istaSparsifier(model: tf.LayersModel, { l1_penalty, seedCosts = false }: IstaOptions): Sparsifier {
  if (!(l1_penalty >= 0)) throw new UserError(`l1_penalty is a number of at least 0, got ${l1_penalty}`);
  const layers = istaLayers(model, seedCosts);
  if (layers.length === 0) {
    throw new UserError(
      `${model.name} has no channels to prune by their gammas: that takes batch norm with a gamma behind a convolution ` +
        'whose channels are not added to others, and which nothing else reads.',
    );
  }
  const shrink = (learningRate: number): void =>
    tf.tidy(() => {
      for (const { gamma, cost } of layers) {
        gamma.assign(softThreshold(gamma, cost * learningRate * l1_penalty) as tf.Tensor1D);
      }
    });
  const valuesOf = ({ gamma }: IstaLayer): Float32Array => gamma.dataSync<'float32'>();
  const channelMasks = (): ChannelMasks =>
    new Map(layers.map((layer) => [layer.name, valuesOf(layer).map((value) => (value === 0 ? 0 : 1))]));

  return {
    name: 'ISTA',
    afterStep: l1_penalty === 0 ? undefined : shrink,
    channelMasks,
    summary: () => {
      const masks = [...channelMasks().values()].flatMap((mask) => [...mask]);
      return {
        channels: masks.length,
        closed: masks.filter((mask) => mask === 0).length,
        ...gammaSummary(layers.map((layer) => ({ cost: layer.cost, gamma: valuesOf(layer) }))),
      };
    },
    state: () => ({}),
    restore: () => undefined,
  };
}
