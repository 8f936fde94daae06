import type * as tf from '@tensorflow/tfjs';
import { seeded } from '../backend/random.js';
import { BatchNorm } from '../layers/batchNorm.js';
import type { Gate } from '../layers/gate.js';
import { GatedConv2d } from '../layers/gatedConv2d.js';
import { L0Gate } from '../layers/l0Gate.js';
import type { CallOptions } from '../layers/layer.js';
import '../layers/standardLayers.js';
import { leafLayers, oncePerNetwork } from './names.js';
import { networkGraph, type LayerNode } from './networkGraph.js';

/** Returns the network's layers with trainable gates, first to last. */
export function gatesOf(model: tf.LayersModel): Gate[] {
  return leafLayers(model).filter(
    (layer): layer is L0Gate | GatedConv2d =>
      layer instanceof GatedConv2d || (layer instanceof L0Gate && !layer.fixedOpen),
  );
}

/** The gate of each batch norm of this network that only a gate reads, where both are used once. */
const gatesBehindNorms = oncePerNetwork((model): ReadonlyMap<tf.layers.Layer, L0Gate> => {
  const { nodes } = networkGraph(model);
  const once = ({ layer }: LayerNode): boolean => nodes.filter((other) => other.layer === layer).length === 1;
  const gates = new Map<tf.layers.Layer, L0Gate>();
  for (const node of nodes) {
    const [reader] = node.readers;
    if (!(node.layer instanceof BatchNorm) || node.readers.length !== 1 || node.output) continue;
    if (reader.layer instanceof L0Gate && once(node) && once(reader)) gates.set(node.layer, reader.layer);
  }
  return gates;
});

/**
 * Returns a network's outputs for some inputs, as `model.apply` computes them, but multiplies gates in the same pass as
 * the batch norms before them. `seed` decides the random numbers of layers without a seed of their own, such as
 * dropout. The caller disposes the outputs.
 */
export function forward(
  model: tf.LayersModel,
  inputs: tf.Tensor | tf.Tensor[],
  { seed, ...options }: CallOptions & { seed?: number } = {},
): tf.Tensor | tf.Tensor[] {
  const apply = (): tf.Tensor | tf.Tensor[] =>
    model.apply(inputs, { ...options, gates: gatesBehindNorms(model) }) as tf.Tensor | tf.Tensor[];
  return seed === undefined ? apply() : seeded(seed, apply);
}
