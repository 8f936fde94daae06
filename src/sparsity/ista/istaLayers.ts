import type * as tf from '@tensorflow/tfjs';
import { flowFrom, type ChannelReader } from '../../graph/channelFlow.js';
import { isBatchNorm, kernelGeometry, weightOf } from '../../graph/kernels.js';
import { layerRole } from '../../graph/layerRole.js';
import type { Layer } from '../../graph/names.js';
import { inLayerOrder, networkGraph, nodeOf } from '../../graph/networkGraph.js';
import { BiasMap } from '../../layers/biasMap.js';

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
