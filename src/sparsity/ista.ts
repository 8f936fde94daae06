import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { flowFrom, type ChannelReader } from '../graph/channelFlow.js';
import { isBatchNorm, kernelGeometry, weightOf } from '../graph/kernels.js';
import { layerRole } from '../graph/layerRole.js';
import type { Layer } from '../graph/names.js';
import { inLayerOrder, networkGraph, nodeOf } from '../graph/networkGraph.js';
import { BiasMap } from '../layers/biasMap.js';
import type { ChannelMasks } from '../models/channelMasks.js';
import type { Sparsifier } from './sparsifier.js';

/**
 * The proximal operator of threshold * |x|: x * max(0, 1 - threshold / |x|), which moves every value towards 0 by
 * `threshold` and makes 0 of those within it. Any shape in, the same out; the caller disposes it.
 *
 * Beck and Teboulle 2009, equation 1.5; Ye et al. 2018, section 4.1.
 */
export function softThreshold(x: tf.Tensor, threshold: number): tf.Tensor {
  return tf.tidy(() => {
    // What is smaller than any threshold of use stands for 0 in the denominator.
    const size = x.abs().maximum(1e-16);
    return x.mul(tf.scalar(1).sub(tf.scalar(threshold).div(size)).maximum(0));
  });
}

/** A batch norm by whose gammas the channels of a layer are pruned. */
export interface IstaLayer {
  /** The layer whose channels they are, and its name in the network. */
  target: Layer;
  name: string;
  /** [C] each: the batch norm's own variables, not to be disposed. */
  gamma: tf.Variable<tf.Rank.R1>;
  beta?: tf.Variable<tf.Rank.R1>;
  /** Who reads the channels. */
  readers: ChannelReader[];
  /** What one channel costs: the weight of |gamma| in the penalty. */
  cost: number;
}

/**
 * The layers that can be pruned by their gammas, with what a channel costs in the network as it stands:
 * (H_out W_out + k^2 C_in + sum over the next layers of k_next^2 C_out_next) / (H W), where H x W is the input image
 * (Ye et al. 2018, section 4.2).
 *
 * Those are the batch norms with gamma, ours and those of tf.layers, that alone read a convolution or dense layer whose channels
 * are neither added to others nor outputs of the model: nothing else depends on them. `seedCosts` counts a 4x4 kernel that
 * comes next as 3x3, as the project's code does in CNN-4.
 *
 * Throws a UserError that names the layer where it is not known what a batch norm's channels belong to, or where they go.
 */
export function istaLayers(model: tf.LayersModel, seedCosts = false): IstaLayer[] {
  const [, height, width] = model.inputs[0].shape as number[];
  const nextWindow = (window: number): number => (seedCosts && window === 16 ? 9 : window);
  const graph = networkGraph(model);
  return inLayerOrder(graph).flatMap((norm): IstaLayer[] => {
    const variable = (name: string): tf.Variable<tf.Rank.R1> | undefined =>
      weightOf(norm.layer, name)?.read() as tf.Variable<tf.Rank.R1> | undefined;
    const gamma = variable('gamma');
    if (!isBatchNorm(norm.layer) || !gamma) return [];
    nodeOf(graph, norm.layer);
    layerRole(norm);
    let [target] = norm.inputs;
    let alone = target.readers.length === 1 && !target.output;
    // Compaction may have put a bias there that depends on the position.
    if (target.layer instanceof BiasMap) {
      [target] = target.inputs;
      alone &&= target.readers.length === 1 && !target.output;
    }
    const { layer, name } = target;
    const own = kernelGeometry(layer, target.outputShape);
    if (!own || !alone) return [];
    nodeOf(graph, layer);
    const { readers, summed, mixed, isOutput } = flowFrom(norm);
    if (summed || mixed || isOutput) return [];
    const read = readers.reduce(
      (sum, { geometry, positions }) => sum + nextWindow(geometry.window) * positions * geometry.outputs,
      0,
    );
    const cost = (own.positions + own.window * own.inputs + read) / (height * width);
    return [{ target: layer, name, gamma, beta: variable('beta'), readers, cost }];
  });
}

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

/**
 * Multiplies the gammas and betas that `istaSparsifier` prunes by with `alpha`, and the weights that read their channels
 * with 1 / alpha: the network computes the same, and smaller gammas reach 0 sooner (Ye et al. 2018, section 4.3). With
 * 1 / alpha it undoes itself.
 *
 * Throws a UserError for an alpha that is not positive.
 */
export function rescaleGammas(model: tf.LayersModel, alpha: number): void {
  if (!(alpha > 0 && Number.isFinite(alpha))) throw new UserError(`alpha is a number above 0, got ${alpha}`);
  if (alpha === 1) return;
  for (const { gamma, beta, readers } of istaLayers(model)) {
    tf.tidy(() => {
      for (const variable of [gamma, beta]) variable?.assign(variable.mul<tf.Tensor1D>(alpha));
      for (const { layer, inputsOf } of readers) {
        const kernel = weightOf(layer, 'kernel')!;
        const [inputs, outputs] = kernel.shape.slice(-2) as number[];
        const factors = new Float32Array(inputs).fill(1);
        for (let c = 0; c < gamma.size; c++) for (const input of inputsOf(c)) factors[input] = 1 / alpha;
        kernel.write(kernel.read().mul(tf.tensor2d(factors, [inputs, 1]).tile([1, outputs])));
      }
    });
  }
}
