import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { check, number, oneOf } from '../rules.js';
import { channelGraph, type ChannelNode } from '../graph/channelGraph.js';
import { kernelGeometry, weightOf } from '../graph/kernels.js';
import { isHomogeneous } from '../graph/layerRole.js';
import type { Layer } from '../graph/names.js';
import { inLayerOrder } from '../graph/networkGraph.js';
import type { Weight } from '../layers/layer.js';
import { channelCosts, channelSpan, checkCosts, masksAbove, originOf, type ChannelTimes } from './channelSpan.js';
import { closedIn, products, type Sparsifier, type State } from './sparsifier.js';
import { changeWeight } from './weightMasks.js';

/**
 * The proximal operator of threshold * |x|: x * max(0, 1 - threshold / |x|). It moves every value towards 0 by
 * `threshold` and sets smaller values to 0. Takes any shape and returns the same shape; the caller disposes the result.
 *
 * Beck and Teboulle 2009, equation 1.5; Ye et al. 2018, section 4.1.
 */
export function softThreshold(x: tf.Tensor, threshold: number): tf.Tensor {
  return tf.tidy(() => {
    // Keeps the denominator above 0, and is smaller than any useful threshold.
    const size = x.abs().maximum(1e-16);
    return x.mul(tf.scalar(1).sub(tf.scalar(threshold).div(size)).maximum(0));
  });
}

/** A batch norm whose gammas prune the channels of a layer. */
export interface IstaLayer {
  /** The layer whose channels are pruned: the first kernel above the batch norm. */
  target: Layer;
  /** Its name in the network. */
  name: string;
  /** [C] each: the batch norm's own variables, not to be disposed. */
  gamma: tf.Variable<tf.Rank.R1>;
  beta?: tf.Variable<tf.Rank.R1>;
  /** The cost of one channel: the weight of |gamma| in the penalty. */
  cost: number;
  /** The place of the batch norm. */
  norm: ChannelNode;
  /** Turns a mask of the batch norm's channels into masks of the layers that produce them, by name. */
  masks: (mask: Float32Array) => ReadonlyMap<string, Float32Array>;
}

/** How the cost of a channel is counted. */
export interface IstaCosts {
  /**
   * What the cost of a channel counts: its values and kernel entries in memory, as in the paper, its parameters, its
   * multiply-adds, or its milliseconds in `times`. Scaled so that the total over all channels is the same as with
   * 'memory'. Default 'memory'.
   */
  weighting?: 'memory' | 'parameters' | 'multiplyAdds' | 'time';
  /** The cost of a channel at each layer in milliseconds, for the weighting 'time' (`channelTimes`). */
  times?: ChannelTimes;
  /** Whether the next layer's 4x4 kernel counts as 3x3, as in the project's code for CNN-4. Default false. */
  publishedCosts?: boolean;
}

/**
 * Returns the layers that can be pruned by their gammas, with the cost of a channel in the network as it stands:
 * (H_out W_out + k^2 C_in + sum over the next layers of k_next^2 C_out_next) / (H W), where H x W is the (first) input
 * image (Ye et al. 2018, section 4.2). If channels pass through a depthwise convolution, its values and k^2 entries
 * count too, like those of the layers before and after it: everything that is removed with the channel.
 *
 * A batch norm, ours or of tf.layers, qualifies if its gamma is trained, it is the only reader of the convolutions or
 * dense layers before it, without concatenation in between, and its channels are neither joined with others by value
 * (added, or multiplied as in squeeze and excite) nor outputs of the model.
 *
 * Throws a UserError that names the layer if its weights cannot be assigned to channels or it is used twice; also for
 * an unknown weighting, or 'time' without times.
 */
export function istaLayers(model: tf.LayersModel, options: IstaCosts = {}): IstaLayer[] {
  const { publishedCosts = false, weighting = 'memory', times } = options;
  check('weighting', weighting, oneOf('memory', 'parameters', 'multiplyAdds', 'time'));
  const trained = new Set(model.trainableWeights);
  const [, ...sides] = model.inputs[0].shape.slice(0, -1) as number[];
  const pixels = sides.reduce((n, side) => n * side, 1);
  const windowOf = (window: number): number => (publishedCosts && window === 16 ? 9 : window);
  const layers = inLayerOrder(channelGraph(model)).flatMap((norm): (IstaLayer & { memory: number })[] => {
    const variable = (name: string): tf.Variable<tf.Rank.R1> | undefined =>
      weightOf(norm.layer, name)?.read() as tf.Variable<tf.Rank.R1> | undefined;
    const gamma = variable('gamma');
    if (norm.role !== 'norm' || !gamma || !trained.has(weightOf(norm.layer, 'gamma')!)) return [];
    const span = channelSpan(norm, 'constant');
    const above = [...span.above];
    const target = above.find(({ role }) => role === 'kernel' || role === 'depthwise');
    if (!target || !span.whole || span.output || above.some(({ role }) => role === 'concat')) return [];
    const [costs] = channelCosts(norm, span, { windowOf, times });
    const memory = (costs.values + costs.entries) / pixels;
    const cost = weighting === 'memory' ? memory : costs[weighting];
    const masks = masksAbove(norm, span);
    return [{ target: target.layer, name: target.name, gamma, beta: variable('beta'), cost, memory, norm, masks }];
  });
  // The total cost is the same with any weighting, so that l1_penalty has about the same effect.
  const all = (of: 'cost' | 'memory'): number => layers.reduce((sum, each) => sum + each[of] * each.gamma.size, 0);
  if (layers.length > 0) checkCosts(all('cost'));
  const scale = weighting === 'memory' ? 1 : all('memory') / all('cost');
  return layers.map(({ memory: _, ...layer }) => ({ ...layer, cost: scale * layer.cost }));
}

/** `istaLayers`, but throws a UserError that states the requirements if there are none. */
function someIstaLayers(model: tf.LayersModel, options?: IstaCosts): IstaLayer[] {
  const layers = istaLayers(model, options);
  if (layers.length > 0) return layers;
  throw new UserError(
    `${model.name} has no channels to prune by their gammas: that takes batch norm with a gamma after a convolution ` +
      'whose channels are not added to others, nor multiplied with them, and which nothing else reads.',
  );
}

/** Options of `istaSparsifier`. */
export interface IstaOptions extends IstaCosts {
  /** The penalty's weight in the loss: each gamma adds l1_penalty * cost * |gamma|. */
  l1_penalty: number;
  /** Further values to save with the method's state, such as measured times. */
  keeps?: State;
}

/** How far the gammas have shrunk. */
export interface GammaSummary {
  /** Sum of cost * |gamma|, without l1_penalty. */
  groupLasso: number;
  /** Share of zero gammas, each weighted by its cost. */
  fakeSparsity: number;
}

/**
 * Returns what the ISTA project logs about gammas: the group lasso, sum of cost |gamma|, and the fake sparsity, the
 * share of the cost whose gammas are 0 (0 if there are no layers).
 */
export function gammaSummary(layers: readonly { cost: number; gamma: ArrayLike<number> }[]): GammaSummary {
  let [groupLasso, closed, all] = [0, 0, 0];
  for (const { cost, gamma } of layers) {
    for (const value of Array.from(gamma)) {
      groupLasso += cost * Math.abs(value);
      closed += value === 0 ? cost : 0;
      all += cost;
    }
  }
  return { groupLasso, fakeSparsity: all === 0 ? 0 : closed / all };
}

/**
 * Channel pruning by proximal gradient descent on batch norm's gammas (Ye et al. 2018, section 4): after each step of
 * the optimizer, which should be plain SGD, gamma <- softThreshold(gamma, cost * lr * l1_penalty). A channel is closed
 * while its gamma is exactly 0; it then gives the constant relu(beta), and its gamma may come back.
 *
 * Costs are computed for the network as it stands, so a compact network has its own costs. Throws a UserError for a
 * network without gammas to prune by, and for a penalty below 0.
 */
export function istaSparsifier(model: tf.LayersModel, { l1_penalty, keeps, ...costs }: IstaOptions): Sparsifier {
  check('l1_penalty', l1_penalty, number({ min: 0 }));
  const layers = someIstaLayers(model, costs);
  const shrink = (learningRate: number): void =>
    tf.tidy(() => {
      for (const { gamma, cost } of layers) {
        gamma.assign(softThreshold(gamma, cost * learningRate * l1_penalty) as tf.Tensor1D);
      }
    });
  const gammasOf = ({ gamma }: IstaLayer): Float32Array => gamma.dataSync<'float32'>();
  const maskOf = (layer: IstaLayer): Float32Array => gammasOf(layer).map((value) => (value === 0 ? 0 : 1));

  return {
    name: 'ISTA',
    model,
    afterStep: l1_penalty === 0 ? undefined : shrink,
    channelMasks: () => products(layers.map((layer) => layer.masks(maskOf(layer)))),
    summary: () => ({
      ...closedIn(layers.map(maskOf)),
      ...gammaSummary(layers.map((layer) => ({ cost: layer.cost, gamma: gammasOf(layer) }))),
    }),
    state: () => ({ ...keeps }),
    restore: () => undefined,
  };
}

/**
 * Multiplies the gammas that `istaSparsifier` prunes by, and their betas, by `alpha`, and the weights that read their
 * channels by 1 / alpha: the network computes the same, and smaller gammas reach 0 sooner (Ye et al. 2018, section
 * 4.3). Calling it with 1 / alpha undoes it. In a depthwise or separable convolution the depthwise kernel is multiplied
 * by 1 / alpha.
 *
 * The layers in between must satisfy f(alpha x) = alpha f(x): pooling, ReLU, LeakyReLU, PReLU and others, but not
 * ReLU6, swish or another batch norm. Throws a UserError that names a layer without this property, and for an alpha
 * that is not positive; the network then stays as it was.
 */
export function rescaleGammas(model: tf.LayersModel, alpha: number): void {
  check('alpha', alpha, number({ above: 0 }));
  if (alpha === 1) return;
  const layers = someIstaLayers(model);
  const inverse = layers.flatMap(({ norm }) => kernelsBehind(norm));
  tf.tidy(() => {
    for (const variable of layers.flatMap(({ gamma, beta }) => [gamma, beta ?? []].flat())) {
      variable.assign(variable.mul<tf.Tensor1D>(alpha));
    }
  });
  for (const { weight, reads } of inverse) {
    changeWeight(weight, (values) => values.forEach((value, i) => (values[i] = reads(i) ? value / alpha : value)));
  }
}

/** The first kernels that read a batch norm's channels, and which of their entries read them. */
function kernelsBehind(norm: ChannelNode): { weight: Weight; reads: (entry: number) => boolean }[] {
  const on = new Set([norm]);
  const readers = new Set<ChannelNode>();
  for (const node of on) {
    for (const next of node.readers) {
      if (next.role === 'kernel' || next.role === 'depthwise') readers.add(next);
      else if (['gate', 'concat', 'flatten', 'reshape'].includes(next.role) || isHomogeneous(next.layer)) on.add(next);
      else {
        throw new UserError(
          `The gammas of ${norm.name} cannot be rescaled: ${next.name} (${next.layer.getClassName()}), which reads its ` +
            'channels, does not make alpha f(x) of alpha x. Leave alpha at 1.',
        );
      }
    }
  }
  return [...readers].map(({ layer, outputShape, inputs: [node] }) => {
    const [{ weight, inputOf }] = kernelGeometry(layer, outputShape)!.kernels;
    const origins = Array.from({ length: node.channels }, (_, channel) => originOf(norm, on, { node, channel }));
    return { weight, reads: (entry: number) => origins[inputOf(entry)] !== undefined };
  });
}
