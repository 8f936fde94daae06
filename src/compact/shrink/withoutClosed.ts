import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { channelGraph, type ChannelGraph, type ChannelNode, type SmallerNetwork } from '../../graph/channelGraph.js';
import { isBatchNorm, kernelGeometry, weightOf, type BatchNormLayer } from '../../graph/kernels.js';
import { channelwiseKind } from '../../graph/layerRole.js';
import { frozenLayers, leafLayers, weightNames, type Layer } from '../../graph/names.js';
import type { Weight } from '../../layers/layer.js';
import { channelValues, zeroMap, type ChannelFlags } from '../weights/channelValues.js';
import { isZero } from '../weights/constantMap.js';
import { networkWeights, type NetworkWeights } from '../weights/layerWeights.js';
import { filterSizes, keptChannels } from './keptChannels.js';
import { rebuild } from './rebuild.js';

/** Stands for any value of a weight: no activation turns it into 0. */
const something = 2 ** 10;

/**
 * Returns the network for further training without the channels that stay 0 from now on, whatever the others learn, and
 * without those that only they read. `closed` are masks of weights by name: a 0 is an entry that stays 0, or a gate
 * (gate/logAlpha) that stays closed. Layers keep their names and settings, but the weights of the new ones are
 * meaningless until the caller fills them. Unlike `compact`, which looks at the weights of a trained network, it cuts
 * nothing that training could bring back, and no channel with a constant output other than 0. Undefined if no channel
 * can be removed.
 *
 * Throws a UserError for a layer whose channels cannot be followed, and for a network whose channels are all closed
 * somewhere.
 */
export function withoutClosed(
  model: tf.LayersModel,
  closed: ReadonlyMap<string, Float32Array>,
): SmallerNetwork | undefined {
  if (![...closed.values()].some((mask) => mask.includes(0))) return undefined;
  const graph = channelGraph(model);
  const weights = possibleWeights(graph, closed);
  const { live, constants } = channelValues(graph, weights, 'exact');
  for (const [node, alive] of live) {
    // The values of such a map are trained too.
    const isMoved = channelwiseKind(node.layer) === 'biasMap';
    alive.forEach((flag, c) => (alive[c] = flag || isMoved || !isZero(constants.get(node)!, c)));
  }
  const zeros = new Map(graph.nodes.map((node) => [node, zeroMap(node)]));
  // If a layer must keep a channel, the one with the largest filter stays.
  const filters = filterSizes(networkWeights(graph));
  const kept = keptChannels(graph, weights, { live, constants: zeros }, filters, {});
  if ([...kept.kept.values()].every((flags) => !flags.includes(false))) return undefined;

  const small = rebuild({ graph, weights, kept, constants: zeros, absorb: false, rule: 'exact' });
  const layersOf = new Map(leafLayers(small).map((layer) => [layer.name, layer]));
  const pairs = graph.nodes.flatMap((node) => {
    const layer = layersOf.get(node.name);
    return layer && layersOf.delete(node.name) ? [{ node, layer }] : [];
  });
  if (layersOf.size > 0) {
    throw new UserError(
      `Channels cannot be cut out of ${model.name} in training: everything before ${[...layersOf.keys()].join(', ')} is closed.`,
    );
  }
  const frozen = frozenLayers(model);
  for (const { node, layer } of pairs) {
    if (frozen.has(node.layer)) layer.trainable = false;
    if (isBatchNorm(node.layer)) (layer as BatchNormLayer).frozen = node.layer.frozen;
  }
  return {
    model: small,
    layers: new Map(pairs.map(({ node, layer }): [Layer, Layer] => [node.layer, layer])),
    weights: new Map(
      pairs.flatMap(({ node, layer }) =>
        node.layer.weights.map(
          (weight, i) => [weight, { weight: layer.weights[i], entries: keptEntries(node, weight, kept.kept) }] as const,
        ),
      ),
    ),
  };
}

/** A network's weights as far as their future values are known: 0 if closed, otherwise a value above 0. */
function possibleWeights(graph: ChannelGraph, closed: ReadonlyMap<string, Float32Array>): NetworkWeights {
  const names = weightNames(graph.model);
  const read = (layer: Layer, name: string): Float32Array | undefined => {
    const weight = weightOf(layer, name);
    const mask = weight && (closed.get(names.get(weight)!) ?? new Float32Array(weight.read().size).fill(1));
    return mask?.map((open) => open * something);
  };
  const weights = networkWeights(graph, read);
  // Means are subtracted: negative ones ensure that nothing cancels.
  for (const norm of weights.norms.values()) norm.mean = norm.mean.map((value) => -value);
  for (const gate of weights.gates.keys()) weights.gates.set(gate, read(gate.layer, 'logAlpha')!);
  return weights;
}

/** The flat indices of a weight's entries that belong to channels that stay. */
function keptEntries(node: ChannelNode, weight: Weight, kept: ChannelFlags): Uint32Array {
  const { layer, outputShape, channels } = node;
  const outputs = kept.get(node)!;
  const kernel = kernelGeometry(layer, outputShape)?.kernels.find((each) => each.weight === weight);
  const inputs = kernel && kept.get(node.inputs[0])!;
  const stays = (entry: number): boolean => {
    if (!kernel) return weight.shape.at(-1) !== channels || outputs[entry % channels];
    return inputs![kernel.inputOf(entry)] && (!kernel.outputOf || outputs[kernel.outputOf(entry)]);
  };
  const entries = new Uint32Array(weight.read().size);
  let count = 0;
  for (let entry = 0; entry < entries.length; entry++) if (stays(entry)) entries[count++] = entry;
  return entries.slice(0, count);
}
