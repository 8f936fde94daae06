import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import type { Gate } from '../../layers/gate.js';
import { GatedConv2d } from '../../layers/gatedConv2d.js';
import { channelCost } from '../../models/channelCost.js';
import { gatesOf, kernelGeometry, kernelLayerAbove } from '../../models/layerGraph.js';

/** What the penalty counts of an open gate: one each, or what the channel or weight costs. */
export type L0Weighting = 'sum' | 'parameters' | 'multiplyAdds';

/** A layer of gates, and what closing one of them is worth. */
export interface WeightedGate {
  gate: Gate;
  /** What the gates close: channels of the layer of this name, or entries of the weight of this name. */
  closes: 'channels' | 'weights';
  target: string;
  /** What one of the gates weighs in the penalty. */
  weight: number;
}

/** The gates of a network with their weights. Throws a UserError for a gate behind no layer with a kernel. */
export function weightedGates(model: tf.LayersModel, weighting: L0Weighting): WeightedGate[] {
  return gatesOf(model).map((gate): WeightedGate => {
    if (gate instanceof GatedConv2d) {
      const weight = weighting === 'multiplyAdds' ? kernelGeometry(gate)!.positions : 1;
      return { gate, closes: 'weights', target: `${gate.name}/kernel`, weight };
    }
    const target = kernelLayerAbove(gate);
    if (!target) {
      throw new UserError(
        `The gate ${gate.name} must follow one convolution or dense layer, apart from BN, activation and pooling.`,
      );
    }
    const weight = weighting === 'sum' ? 1 : channelCost(model, target)[weighting];
    return { gate, closes: 'channels', target: target.name, weight };
  });
}
