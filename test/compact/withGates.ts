import * as tf from '@tensorflow/tfjs';
import { BatchNorm } from 'sparsebook/layers';
import { consumersOf, kernelGeometry } from 'sparsebook/graph';
import { channelFlow } from 'sparsebook/graph/channelFlow.js';

interface Topology {
  config: { layers: { class_name: string; name: string; config: object; inbound_nodes: [string, ...unknown[]][][] }[] };
}

/**
 * The same network with an L0 gate behind each convolution or dense layer, and its batch norm and activation, whose
 * channels are neither added to others nor outputs: what the L0 method would make of a network built without gates.
 */
export async function withGates(model: tf.LayersModel): Promise<tf.LayersModel> {
  const passes = (layer: tf.layers.Layer): boolean =>
    layer instanceof BatchNorm || ['ReLU', 'Activation'].includes(layer.getClassName());
  const behind = model.layers
    .filter((layer) => kernelGeometry(layer))
    .map((layer) => {
      let last = layer;
      for (let next = consumersOf(model, last); next.length === 1 && passes(next[0]); next = consumersOf(model, last)) {
        last = next[0];
      }
      return last;
    })
    .filter((last) => {
      const { summed, isOutput } = channelFlow(model, last);
      return !summed && !isOutput;
    })
    .map(({ name }) => name);
  const topology = JSON.parse(JSON.stringify(model.toJSON(null, false))) as Topology;
  const { layers } = topology.config;
  for (const { inbound_nodes } of layers) {
    for (const input of inbound_nodes.flat()) if (behind.includes(input[0])) input[0] += '_gate';
  }
  for (const name of behind) {
    const config = { name: `${name}_gate`, droprate_init: 0.5 };
    layers.push({ class_name: 'L0Gate', name: config.name, config, inbound_nodes: [[[name, 0, 0, {}]]] });
  }
  const gated = await tf.models.modelFromJSON(topology as unknown as tf.io.ModelJSON);
  for (const layer of model.layers) gated.getLayer(layer.name).setWeights(layer.getWeights());
  return gated;
}
