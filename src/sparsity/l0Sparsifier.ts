import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { probabilityNonZero } from '../layers/hardConcrete.js';
import type { L0Gate } from '../layers/l0Gate.js';
import { channelCost } from '../models/channelCost.js';
import type { ChannelMasks } from '../models/channelMasks.js';
import { gatesOf, kernelLayerAbove, type Layer } from '../models/layerGraph.js';
import type { Sparsifier, State } from './sparsifier.js';

/** What the penalty counts of an open channel: one each, or what the channel costs. */
export type L0Weighting = 'sum' | 'parameters' | 'multiplyAdds';

export interface L0Options {
  /** The penalty's share in the loss. */
  lambda_l0: number;
  /** Learning rate of logAlpha, if not the optimizer's. Gates move by about one learning rate a step. */
  lr_gates?: number;
  /** Default 'sum', as in the L0 project. */
  weighting?: L0Weighting;
  /** Keeps logAlpha within +-ln 100 after each step, as the paper's code does and the L0 project does not. */
  clampLogAlpha?: boolean;
}

const BOUND = Math.log(100);

interface WeightedGate {
  gate: L0Gate;
  /** The layer whose channels the gate opens and closes. */
  target: Layer;
  /** What one of its channels weighs. */
  weight: number;
}

function weightedGates(model: tf.LayersModel, weighting: L0Weighting): WeightedGate[] {
  return gatesOf(model).map((gate) => {
    const target = kernelLayerAbove(gate);
    if (!target) {
      throw new UserError(
        `The gate ${gate.name} must follow one convolution or dense layer, apart from BN, activation and pooling.`,
      );
    }
    return { gate, target, weight: weighting === 'sum' ? 1 : channelCost(model, target)[weighting] };
  });
}

/**
 * L0 regularisation by hard concrete gates (Louizos et al. 2018, equation 12). The penalty is
 * lambda_l0 * sum of w P(mask != 0) / sum of w over all gate entries, so that with all gates open it is lambda_l0;
 * w is 1 by default, which is the project's sum / 832 for GoogleNet.
 *
 * Throws a UserError for a model without gates or for options out of range.
 */
export function l0Sparsifier(model: tf.LayersModel, options: L0Options): Sparsifier {
  const { lambda_l0, lr_gates, weighting = 'sum', clampLogAlpha = false } = options;
  if (!(lambda_l0 >= 0)) throw new UserError(`lambda_l0 is a number of at least 0, got ${lambda_l0}`);
  if (lr_gates !== undefined && !(lr_gates >= 0)) {
    throw new UserError(`lr_gates is a learning rate of at least 0, got ${lr_gates}`);
  }
  if (!['sum', 'parameters', 'multiplyAdds'].includes(weighting)) {
    throw new UserError(`weighting is 'sum', 'parameters' or 'multiplyAdds', got '${weighting}'`);
  }
  const gates = weightedGates(model, weighting);
  if (gates.length === 0) {
    throw new UserError(
      `The model ${model.name} has no L0 gates: build it with gates, e.g. googleNet({ gates: true }).`,
    );
  }
  const total = gates.reduce((sum, { gate, weight }) => sum + weight * gate.logAlpha.size, 0);

  const penalty = (): tf.Scalar =>
    tf.tidy(() => {
      const terms = gates.map(({ gate, weight }) => {
        const open = probabilityNonZero(gate.logAlpha, gate.hardConcrete).sum();
        return open.mul((lambda_l0 * weight) / total);
      });
      return tf.addN(terms).asScalar();
    });

  const clamp = (): void =>
    tf.tidy(() => {
      for (const { gate } of gates) gate.logAlpha.assign(gate.logAlpha.clipByValue(-BOUND, BOUND) as tf.Tensor1D);
    });

  const valuesOf = (t: tf.Tensor): Float32Array => {
    const values = t.dataSync<'float32'>().slice();
    t.dispose();
    return values;
  };

  const channelMasks = (): ChannelMasks =>
    new Map(gates.map(({ gate, target }) => [target.name, valuesOf(gate.inferenceMask())]));

  return {
    name: 'L0',
    parameterGroups: [{ name: 'gates', variables: gates.map(({ gate }) => gate.logAlpha), lr: lr_gates }],
    penalty,
    afterStep: clampLogAlpha ? clamp : undefined,
    channelMasks,
    summary: () => {
      const masks = [...channelMasks().values()].flatMap((mask) => [...mask]);
      const open = gates.flatMap(({ gate }) => [...valuesOf(gate.probabilityNonZero())]);
      return {
        channels: masks.length,
        closed: masks.filter((m) => m === 0).length,
        fullyOpen: masks.filter((m) => m === 1).length,
        expectedOpen: open.reduce((sum, p) => sum + p, 0),
      };
    },
    state: () => ({ draws: Object.fromEntries(gates.map(({ gate }) => [gate.name, gate.draws])) }),
    restore: (state: State) => {
      const draws = state.draws as Record<string, number> | undefined;
      for (const { gate } of gates) {
        const count = draws?.[gate.name];
        if (typeof count !== 'number') throw new UserError(`The saved L0 state has no draws of the gate ${gate.name}.`);
        gate.draws = count;
      }
    },
  };
}
