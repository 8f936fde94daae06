import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { channelCost } from '../../graph/channelCost.js';
import { gatesOf, kernelLayerAbove } from '../../graph/gates.js';
import { kernelGeometry, weightOf } from '../../graph/kernels.js';
import { weightNames } from '../../graph/names.js';
import { networkGraph, nodeOf, type LayerNode } from '../../graph/networkGraph.js';
import type { Gate } from '../../layers/gate.js';
import { GatedConv2d } from '../../layers/gatedConv2d.js';

/** What the penalty counts of an open gate: one each, or what the channel or weight costs. */
export type L0Weighting = 'sum' | 'parameters' | 'multiplyAdds';

/** A layer of gates, and what closing one of them is worth. */
export interface WeightedGate {
  gate: Gate;
  /** The gate's name in the network. */
  name: string;
  /**
   * What the gates close: channels of the layer of this name, entries of the weight of this name or, where somebody else
   * reads the layer too, nothing but what passes through the gate of this name.
   */
  closes: 'channels' | 'weights' | 'itself';
  target: string;
  /** What one of the gates weighs in the penalty. */
  weight: number;
}

/** Whether all that leaves a layer passes through a gate further down. */
function passesThrough(gate: LayerNode, source: LayerNode): boolean {
  for (let node = gate; node !== source; [node] = node.inputs) {
    const [above] = node.inputs;
    if (above.readers.length > 1 || above.output) return false;
  }
  return true;
}

/**
 * The gates of a network with their weights. Throws a UserError for a gate behind no layer with a kernel, and for a layer that
 * is used more than once.
 */
export function weightedGates(model: tf.LayersModel, weighting: L0Weighting): WeightedGate[] {
  const graph = networkGraph(model);
  const names = weightNames(model);
  return gatesOf(model).map((gate): WeightedGate => {
    const node = nodeOf(graph, gate);
    const { name } = node;
    if (gate instanceof GatedConv2d) {
      const weight = weighting === 'multiplyAdds' ? kernelGeometry(gate, node.outputShape)!.positions : 1;
      return { gate, name, closes: 'weights', target: names.get(weightOf(gate, 'kernel')!)!, weight };
    }
    const above = kernelLayerAbove(node);
    if (!above) {
      throw new UserError(
        `The gate ${name} must follow one convolution or dense layer, apart from BN, activation and pooling.`,
      );
    }
    const weight = weighting === 'sum' ? 1 : channelCost(model, above.layer)[weighting];
    const whole = passesThrough(node, above);
    return { gate, name, closes: whole ? 'channels' : 'itself', target: whole ? above.name : name, weight };
  });
}
