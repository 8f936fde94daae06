import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { channelCost } from '../graph/channelCost.js';
import { gatesOf, kernelLayerAbove } from '../graph/gates.js';
import { kernelGeometry, weightOf } from '../graph/kernels.js';
import { weightNames } from '../graph/names.js';
import { networkGraph, nodeOf, type LayerNode } from '../graph/networkGraph.js';
import type { Gate } from '../layers/gate.js';
import { GatedConv2d } from '../layers/gatedConv2d.js';
import { probabilityNonZero } from '../layers/hardConcrete.js';
import { LambdaController, type SparsityTarget } from './lambdaController.js';
import { products, type Sparsifier, type State } from './sparsifier.js';

/** What the penalty counts of an open gate: one each, or what the channel or weight costs. */
export type L0Weighting = 'sum' | 'parameters' | 'multiplyAdds';

/** A layer of gates, and what closing one of them is worth. */
interface WeightedGate {
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
function weightedGates(model: tf.LayersModel, weighting: L0Weighting): WeightedGate[] {
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

export interface L0Options {
  /** The penalty's share in the loss; this or `target` is given. */
  lambda_l0?: number;
  /** The sparsity that lambda is to lead to, chosen anew after each step. */
  target?: SparsityTarget;
  /** Learning rate of logAlpha, if not the optimizer's. Gates move by about one learning rate a step. */
  lr_gates?: number;
  /** Default 'sum', as in the L0 project. */
  weighting?: L0Weighting;
  /** Keeps logAlpha within +-ln 100 after each step, as the paper's code does and the L0 project does not. */
  clampLogAlpha?: boolean;
}

const BOUND = Math.log(100);

function checkOptions({ lambda_l0, target, lr_gates, weighting = 'sum' }: L0Options): void {
  if ((lambda_l0 === undefined) === (target === undefined)) {
    throw new UserError('The L0 method needs either lambda_l0 or a target sparsity that chooses it, not both.');
  }
  if (lambda_l0 !== undefined && !(lambda_l0 >= 0)) {
    throw new UserError(`lambda_l0 is a number of at least 0, got ${lambda_l0}`);
  }
  if (lr_gates !== undefined && !(lr_gates >= 0)) {
    throw new UserError(`lr_gates is a learning rate of at least 0, got ${lr_gates}`);
  }
  if (!['sum', 'parameters', 'multiplyAdds'].includes(weighting)) {
    throw new UserError(`weighting is 'sum', 'parameters' or 'multiplyAdds', got '${weighting}'`);
  }
}

const valuesOf = (t: tf.Tensor): Float32Array => {
  const values = t.dataSync<'float32'>().slice();
  t.dispose();
  return values;
};

/**
 * L0 regularisation by hard concrete gates (Louizos et al. 2018, equation 12). The penalty is
 * lambda_l0 * sum of w P(mask != 0) / sum of w over all gates, so that with all gates open it is lambda_l0; w is 1 by
 * default, which is the project's sum / 832 for GoogleNet. docs/math-l0.md derives it.
 *
 * Gates on channels give `channelMasks`, where all that leaves a layer passes through them, and gates on weights `weightMasks`. Throws a UserError for a model without gates or
 * for options out of range.
 */
export function l0Sparsifier(model: tf.LayersModel, options: L0Options): Sparsifier {
  checkOptions(options);
  const { target, lr_gates, weighting = 'sum', clampLogAlpha = false } = options;
  const gates = weightedGates(model, weighting);
  if (gates.length === 0) {
    throw new UserError(
      `The model ${model.name} has no L0 gates: build it with gates, e.g. googleNet({ gates: true }).`,
    );
  }
  const total = gates.reduce((sum, { gate, weight }) => sum + weight * gate.logAlpha.size, 0);
  const controller = target && new LambdaController(target);
  const lambda = (): number => controller?.lambda ?? options.lambda_l0!;

  const maskOf = ({ target, gate }: WeightedGate): [string, Float32Array] => [target, valuesOf(gate.inferenceMask())];
  const masksOf = (closes: WeightedGate['closes']): ReadonlyMap<string, Float32Array> =>
    products(gates.filter((each) => each.closes === closes).map((each) => new Map([maskOf(each)])));

  const clamp = (): void =>
    tf.tidy(() => {
      for (const { gate } of gates) gate.logAlpha.assign(gate.logAlpha.clipByValue(-BOUND, BOUND));
    });
  const afterStep = (learningRate: number, factor: number): void => {
    if (clampLogAlpha) clamp();
    controller?.observe({
      masks: new Map([...masksOf('channels'), ...masksOf('weights')]),
      travel: lr_gates === undefined ? learningRate : factor * lr_gates,
    });
  };

  return {
    name: 'L0',
    parameterGroups: [{ name: 'gates', variables: gates.map(({ gate }) => gate.logAlpha), lr: lr_gates }],
    penalty: () =>
      tf.tidy(() => {
        const terms = gates.map(({ gate, weight }) =>
          probabilityNonZero(gate.logAlpha, gate.hardConcrete)
            .sum()
            .mul((lambda() * weight) / total),
        );
        return tf.addN(terms).asScalar();
      }),
    afterStep: clampLogAlpha || controller ? afterStep : undefined,
    channelMasks: () => masksOf('channels'),
    weightMasks: gates.some(({ closes }) => closes === 'weights') ? () => masksOf('weights') : undefined,
    summary: () => ({
      ...summaryOf(gates.map((each) => maskOf(each)[1])),
      expectedOpen: gates.reduce(
        (sum, { gate }) => sum + valuesOf(tf.tidy(() => gate.probabilityNonZero().sum()))[0],
        0,
      ),
      ...(controller && { lambda: controller.lambda }),
    }),
    state: () => ({
      draws: Object.fromEntries(gates.map(({ name, gate }) => [name, gate.draws])),
      ...(controller && { controller: controller.state() }),
    }),
    restore: (state) => {
      restoreDraws(gates, state);
      controller?.restore(state.controller as State | undefined);
    },
  };
}

/** How many gates there are, and how many of them are exactly closed and exactly open. */
function summaryOf(masks: Iterable<Float32Array>): { channels: number; closed: number; fullyOpen: number } {
  const counts = { channels: 0, closed: 0, fullyOpen: 0 };
  for (const mask of masks) {
    counts.channels += mask.length;
    for (const value of mask) {
      if (value === 0) counts.closed++;
      else if (value === 1) counts.fullyOpen++;
    }
  }
  return counts;
}

function restoreDraws(gates: readonly WeightedGate[], state: State): void {
  const draws = state.draws as Record<string, number> | undefined;
  for (const { name, gate } of gates) {
    const count = draws?.[name];
    if (typeof count !== 'number') throw new UserError(`The saved L0 state has no draws of the gate ${name}.`);
    gate.draws = count;
  }
}
