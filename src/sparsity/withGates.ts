import * as tf from '@tensorflow/tfjs';
import { closest } from 'fastest-levenshtein';
import { deriveSeed } from '../backend/random.js';
import { UserError } from '../errors.js';
import { check, listOf, text, wholeNumber } from '../rules.js';
import { channelGraph, type ChannelNode } from '../graph/channelGraph.js';
import { channelwiseKind, isMerge } from '../graph/layerRole.js';
import { freeName, frozenLayers, leafLayers, type Layer } from '../graph/names.js';
import { inLayerOrder } from '../graph/networkGraph.js';
import { copyLayer } from '../layers/completeConfigs.js';
import { L0Gate, type L0GateOptions } from '../layers/l0Gate.js';
import { channelSpan } from './channelSpan.js';

/** Where gates go, and how they start. */
export interface WithGatesOptions extends Pick<L0GateOptions, 'droprate_init' | 'temperature' | 'sampling'> {
  /**
   * The layers that get a gate after them: their names in the network, or a predicate, called for every layer that a
   * gate can follow. Default: one gate for each set of channels that compaction can then cut.
   */
  where?: ((layer: Layer) => boolean) | readonly string[];
  /** Decides start values and noise of all gates. Default 0. */
  seed?: number;
}

/**
 * Returns a copy of a network with L0 gates (`L0Gate`, one per channel) after chosen layers, for `l0Sparsifier` to
 * train. Takes functional models, tf.sequential, several inputs and outputs, and nested networks, which get their gates
 * inside. A gate is named after its layer, with the suffix `_gate`.
 *
 * By default a gate follows each convolution (also depthwise, separable and transposed) or dense layer with more than
 * one channel, and each sum, average or maximum. It comes after the last batch norm or activation that follows the
 * layer. A place gets a gate only if closing that gate alone lets compaction cut the channel: the channels are not
 * outputs, enter no further sum, and everything that leaves the layers above passes through the gate. So a residual
 * stream, which every block reads, gets no gate. If a channel passes two such places, as before and after a depthwise
 * convolution, the later place gets the gate.
 *
 * The given model stays as it is, and the copy starts with its weights. Layers that are frozen, themselves or with a
 * network that contains them, stay frozen; gates are always trained. The caller disposes both models.
 *
 * Throws a UserError for options out of range, for a name that the network does not have, for a layer that no gate can
 * follow, and if no layer is chosen.
 */
export function withGates(model: tf.LayersModel, options: WithGatesOptions = {}): tf.LayersModel {
  const { where, seed = 0, ...start } = options;
  check('seed', seed, wholeNumber());
  const chosen = choose(model, where);
  const taken = new Set(leafLayers(model).map(({ name }) => name));
  const gates = new Map(
    chosen.map(({ layer, name }) => {
      const own = freeName(new Set(taken), `${layer.name}_gate`);
      // Nested networks may have layers with equal names; `name` is unique.
      return [layer, new L0Gate({ ...start, name: own, seed: deriveSeed(seed, name, 'gate') })] as const;
    }),
  );
  return copyNetwork(model, gates);
}

function choose(model: tf.LayersModel, where: WithGatesOptions['where']): ChannelNode[] {
  const nodes = inLayerOrder(channelGraph(model));
  const possible = nodes.filter((node) => noGateBecause(node) === undefined);
  if (possible.length === 0) {
    throw new UserError(`${model.name} has no layer that a gate could follow: all channels are inputs or outputs.`);
  }
  const names = possible.map(({ name }) => name);
  if (where === undefined) {
    const places = defaultPlaces(nodes);
    if (places.length > 0) return places;
    throw new UserError(
      `In ${model.name} there is no place at which closing a gate would cut a channel. ` +
        `Name layers with where; gates can follow ${names.join(', ')}.`,
    );
  }
  if (typeof where !== 'function') {
    check('where', where, listOf(text("a layer's name")));
    for (const name of where) {
      const node = nodes.find((each) => each.name === name);
      if (!node) {
        throw new UserError(
          `where must name layers of ${model.name}; received '${name}'. Did you mean '${closest(name, names)}'?`,
        );
      }
      const why = noGateBecause(node);
      if (why) throw new UserError(`No gate can follow ${name}: it ${why}.`);
    }
  }
  const chosen = possible.filter(({ layer, name }) =>
    typeof where === 'function' ? where(layer) : where.includes(name),
  );
  if (chosen.length > 0) return chosen;
  throw new UserError(`where chooses no layer of ${model.name}. Gates can follow ${names.join(', ')}.`);
}

/** The reason, if any, why no gate can follow a layer, as the end of a sentence that begins with the layer's name. */
function noGateBecause(node: ChannelNode): string | undefined {
  if (node.role === 'input') return 'is an input of the network';
  if (node.role === 'gate') return 'is a gate itself';
  const { output, joined } = channelSpan(node);
  if (output)
    return `gives channels that ${output === node ? 'are' : `${output.name} hands on as`} an output of the network`;
  return joined?.role === 'mix' ? `gives channels that ${joined.name} needs all of` : undefined;
}

/** The places where closing one gate lets compaction cut a channel; the last of several on one path. */
function defaultPlaces(nodes: readonly ChannelNode[]): ChannelNode[] {
  const makes = ({ role, channels }: ChannelNode): boolean =>
    channels > 1 && (role === 'kernel' || role === 'depthwise' || isMerge(role));
  const units = nodes.filter(makes).map(lastOfUnit);
  const spans = new Map(units.map((node) => [node, channelSpan(node)]));
  for (const [node, { above, passed, whole, output }] of spans) {
    const isGated = [...above, ...passed].some(({ role }) => role === 'gate');
    if (!whole || output || isGated) spans.delete(node);
  }
  const covered = (node: ChannelNode): boolean =>
    [...spans].some(([other, { above }]) => other !== node && above.has(node));
  return [...spans.keys()].filter((node) => !covered(node));
}

/** The last of the batch norms and activations that follow a layer, each the only reader of the one before. */
function lastOfUnit(node: ChannelNode): ChannelNode {
  const [next] = node.readers;
  if (node.readers.length !== 1 || node.output) return node;
  const follows =
    next.role === 'norm' || ['elementwise', 'slopes', 'biasMap'].includes(channelwiseKind(next.layer) ?? '');
  return follows && next.role !== 'mix' ? lastOfUnit(next) : node;
}

/** Copies a network, layers and weights, and adds the gates after some of the layers. */
function copyNetwork(model: tf.LayersModel, gates: ReadonlyMap<Layer, L0Gate>): tf.LayersModel {
  const copies = new Map<Layer, Layer>();
  const copyOf = (layer: Layer): Layer => {
    const known = copies.get(layer);
    if (known) return known;
    const copy = layer instanceof tf.LayersModel ? copyModel(layer) : copyLayer(layer);
    copies.set(layer, copy);
    return copy;
  };
  const copyModel = (network: tf.LayersModel): tf.LayersModel => {
    const tensors = new Map<tf.SymbolicTensor, tf.SymbolicTensor>();
    const copyTensor = (tensor: tf.SymbolicTensor): tf.SymbolicTensor => {
      const known = tensors.get(tensor);
      if (known) return known;
      const { sourceLayer: layer, nodeIndex, shape, dtype } = tensor;
      const { inputTensors, outputTensors, callArgs } = layer.inboundNodes[nodeIndex];
      if (layer.getClassName() === 'InputLayer') {
        tensors.set(tensor, tf.input({ batchShape: shape, dtype, name: layer.name }));
      } else {
        const inputs = inputTensors.map(copyTensor);
        const given = copyOf(layer).apply(inputs.length === 1 ? inputs[0] : inputs, callArgs) as tf.SymbolicTensor;
        const outputs = [gates.get(layer)?.apply(given) ?? given].flat() as tf.SymbolicTensor[];
        outputTensors.forEach((output, i) => tensors.set(output, outputs[i]));
      }
      return tensors.get(tensor)!;
    };
    const [inputs, outputs] = [network.inputs.map(copyTensor), network.outputs.map(copyTensor)];
    return tf.model({ name: network.name, inputs, outputs });
  };
  const gated = copyModel(model);
  const frozen = frozenLayers(model);
  for (const [layer, copy] of copies) {
    if (layer instanceof tf.LayersModel) continue;
    copy.setWeights(layer.getWeights());
    if (frozen.has(layer)) copy.trainable = false;
  }
  return gated;
}
