import * as tf from '@tensorflow/tfjs';
import { computedValues } from '../backend/readable.js';
import { UserError } from '../errors.js';
import { check, number, oneOf } from '../rules.js';
import { channelGraph, type ChannelMasks, type ChannelNode, type SmallerNetwork } from '../graph/channelGraph.js';
import { gatesOf } from '../graph/gates.js';
import { kernelGeometry, weightOf } from '../graph/kernels.js';
import { weightNames } from '../graph/names.js';
import type { Gate } from '../layers/gate.js';
import { GatedConv2d } from '../layers/gatedConv2d.js';
import { expectedOpen } from '../layers/hardConcrete.js';
import type { Weight } from '../layers/layer.js';
import { channelCosts, channelSpan, checkCosts, masksAbove, type ChannelTimes } from './channelSpan.js';
import { LambdaController, type SparsityTarget } from './lambdaController.js';
import { closedIn, products, type Sparsifier, type State } from './sparsifier.js';

/** What the penalty counts for an open gate: 1, or the cost of its channel or weight. */
export type L0Weighting = 'sum' | 'parameters' | 'multiplyAdds' | 'time';

/** A layer of gates with the weight of each gate. */
interface WeightedGate {
  gate: Gate;
  name: string;
  /** The weight of each gate in the penalty, flat. */
  weights: Float32Array;
  /** Convert a mask of the gates to masks of channels and of weights, by name. */
  channelMasks: (mask: Float32Array) => ChannelMasks;
  weightMasks: (mask: Float32Array) => ChannelMasks;
}

/** Whether a kernel has computed the output of a place. */
function isComputed({ role, inputs }: ChannelNode): boolean {
  return role === 'kernel' || role === 'depthwise' || inputs.some(isComputed);
}

const nothing = (): ChannelMasks => new Map<string, Float32Array>();

/** The gates of a network with their weights. Throws a UserError for a gate whose channels cannot be followed. */
function weightedGates(
  model: tf.LayersModel,
  { weighting = 'sum', times }: Pick<L0Options, 'weighting' | 'times'> = {},
): WeightedGate[] {
  const gates = gatesOf(model);
  if (gates.length === 0) {
    throw new UserError(`${model.name} has no L0 gates: put some in with withGates(model), or build it with gates.`);
  }
  const { nodes } = channelGraph(model);
  const names = weightNames(model);
  return gates.map((gate): WeightedGate => {
    const node = nodes.find(({ layer }) => layer === gate)!;
    const { name } = node;
    if (gate instanceof GatedConv2d) {
      const kernel = names.get(weightOf(gate, 'kernel')!)!;
      const { positions } = kernelGeometry(gate, node.outputShape)!;
      const weight = weighting === 'multiplyAdds' ? positions : weighting === 'time' ? 0 : 1;
      const weights = new Float32Array(gate.logAlpha.size).fill(weight);
      return { gate, name, weights, channelMasks: nothing, weightMasks: (mask) => new Map([[kernel, mask]]) };
    }
    if (!isComputed(node)) {
      throw new UserError(
        `The gate ${name} must follow a convolution or dense layer; it follows an input of ${model.name}.`,
      );
    }
    const span = channelSpan(node);
    const costs = channelCosts(node, span, { times });
    const weights = Float32Array.from(costs, (cost) => (weighting === 'sum' ? 1 : cost[weighting]));
    return { gate, name, weights, channelMasks: masksAbove(node, span), weightMasks: nothing };
  });
}

/** Options of `l0Sparsifier`. */
export interface L0Options {
  /** The penalty's factor in the loss; give either this or `target`. */
  lambda_l0?: number;
  /** The sparsity to reach; lambda is adjusted towards it after each step. */
  target?: SparsityTarget;
  /** Learning rate of logAlpha, if not the optimizer's. Gates move by about one learning rate per step. */
  lr_gates?: number;
  /** Default 'sum', as in the L0 project. */
  weighting?: L0Weighting;
  /** The cost of a channel at each layer in milliseconds, for the weighting 'time' (`channelTimes`). */
  times?: ChannelTimes;
  /** Keeps logAlpha within +-ln 100 after each step, as the paper's code does and the L0 project does not. */
  clampLogAlpha?: boolean;
  /** Further values to save with the method's state, such as measured times. */
  keeps?: State;
}

const BOUND = Math.log(100);

function checkOptions({ lambda_l0, target, lr_gates, weighting = 'sum' }: L0Options): void {
  if ((lambda_l0 === undefined) === (target === undefined)) {
    const received = target === undefined ? 'neither' : 'both';
    throw new UserError(`lambda_l0 must be given, or a target that chooses it, and not both; received ${received}.`);
  }
  if (lambda_l0 !== undefined) check('lambda_l0', lambda_l0, number({ min: 0 }));
  if (lr_gates !== undefined) check('lr_gates', lr_gates, number({ min: 0 }));
  check('weighting', weighting, oneOf('sum', 'parameters', 'multiplyAdds', 'time'));
}

/**
 * L0 regularisation by hard concrete gates (Louizos et al. 2018, equation 12). The penalty is
 * lambda_l0 * sum of w P(mask != 0) / sum of w over all gates, so that with all gates open it is lambda_l0; w is 1 by
 * default, which is the project's sum / 832 for GoogleNet. docs/math-l0.md derives it.
 *
 * A gate on channels gives `channelMasks` of the layers above whose whole output passes through it; a gate on weights
 * gives `weightMasks`. With `weighting`, w is what compaction saves if that gate alone is closed: the channel's
 * filters, biases and batch norm, and the entries of the kernels that read it; or the milliseconds of all these layers.
 * If the channel is joined with others, as in a residual stream, w is the saving if those were closed too.
 *
 * Throws a UserError for a model without gates, for a layer whose channels cannot be followed or that is used twice,
 * and for options out of range.
 */
export function l0Sparsifier(model: tf.LayersModel, options: L0Options): Sparsifier {
  checkOptions(options);
  const { target } = options;
  const gates = weightedGates(model, options);
  const total = gates.reduce((sum, { weights }) => sum + weights.reduce((all, weight) => all + weight, 0), 0);
  checkCosts(total);
  const controller = target && new LambdaController(target);
  const method = gateMethod({ model, options, names: weightNames(model), gates, gone: [], total, controller });
  if (target && method.channelMasks().size + (method.weightMasks?.().size ?? 0) === 0) {
    throw new UserError(
      `A target counts channels that gates close; in ${model.name} other layers read all channels before its gates.`,
    );
  }
  return method;
}

/** The parts of the method, in the network that it was made for or a smaller one. */
interface GateMethod {
  model: tf.LayersModel;
  options: L0Options;
  /** The names of the whole network's weights. */
  names: ReadonlyMap<Weight, string>;
  gates: readonly WeightedGate[];
  /** The masks of gates that the network no longer has. */
  gone: readonly ChannelMasks[];
  /** The sum of all weights in the whole network. */
  total: number;
  controller?: LambdaController;
}

function gateMethod(parts: GateMethod): Sparsifier {
  const { options, gates, gone, total, controller } = parts;
  const { target, lr_gates, clampLogAlpha = false, keeps } = options;
  const lambda = (): number => controller?.lambda ?? options.lambda_l0!;

  const maskValues = (): Float32Array[] => gates.map(({ gate }) => computedValues(() => gate.inferenceMask()));
  const masksOf = (kind: 'channelMasks' | 'weightMasks', values = maskValues()): ChannelMasks =>
    products(gates.map((each, g) => each[kind](values[g])));
  const channelMasks = (values = maskValues()): ChannelMasks => products([...gone, masksOf('channelMasks', values)]);
  const allMasks = (values = maskValues()): ChannelMasks =>
    new Map([...channelMasks(values), ...masksOf('weightMasks', values)]);

  const clamp = (): void =>
    tf.tidy(() => {
      for (const { gate } of gates) gate.logAlpha.assign(gate.logAlpha.clipByValue(-BOUND, BOUND));
    });
  /** The share of the penalty's weight that closed and closing gates have lost. */
  const closingOf = (values: readonly Float32Array[]): number => {
    let open = 0;
    gates.forEach(({ weights }, g) => values[g].forEach((mask, i) => (open += mask * weights[i])));
    return 1 - open / total;
  };
  const afterStep = (learningRate: number, factor: number): void => {
    if (clampLogAlpha) clamp();
    if (!controller) return;
    const values = maskValues();
    controller.observe({
      masks: allMasks(values),
      closing: closingOf(values),
      travel: lr_gates === undefined ? learningRate : factor * lr_gates,
    });
  };

  return {
    name: 'L0',
    model: parts.model,
    parameterGroups: [{ name: 'gates', variables: gates.map(({ gate }) => gate.logAlpha), lr: lr_gates }],
    penalty: () =>
      tf.tidy(() => {
        const terms = gates.map(({ gate, weights }) => {
          const { logAlpha, hardConcrete } = gate;
          // Usually all gates weigh the same, so that one factor is enough.
          const [first] = weights;
          if (weights.every((weight) => weight === first)) {
            return expectedOpen(logAlpha, (lambda() * first) / total, hardConcrete);
          }
          const weighted = gate.probabilityNonZero().mul(tf.tensor(weights, logAlpha.shape));
          return weighted.sum().mul(lambda() / total);
        });
        return tf.addN([tf.scalar(0), ...terms]).asScalar();
      }),
    afterStep: clampLogAlpha || controller ? afterStep : undefined,
    readsAfterStep: controller !== undefined,
    afterEpoch: target?.correctionFor && (() => controller!.correct(allMasks())),
    channelMasks: () => channelMasks(),
    weightMasks: gates.some(({ gate }) => gate instanceof GatedConv2d) ? () => masksOf('weightMasks') : undefined,
    summary: () => {
      const values = maskValues();
      const open = gates.map(({ gate }) => computedValues(() => expectedOpen(gate.logAlpha, 1, gate.hardConcrete))[0]);
      return {
        ...closedIn(values),
        fullyOpen: values.reduce((sum, mask) => sum + mask.filter((value) => value === 1).length, 0),
        expectedOpen: open.reduce((sum, count) => sum + count, 0),
        ...(controller && { lambda: controller.lambda, ...target?.summary?.(allMasks(values), controller.correction) }),
      };
    },
    state: () => ({
      draws: Object.fromEntries(gates.map(({ name, gate }) => [name, gate.draws])),
      ...(controller && { controller: controller.state() }),
      ...keeps,
    }),
    restore: (state) => {
      restoreDraws(gates, state);
      controller?.restore(state.controller as State | undefined);
    },
    closedForGood: (_, probability) => {
      const values = maskValues();
      return new Map(
        gates.map((each, g) => {
          const open = computedValues(() => each.gate.probabilityNonZero());
          const mask = values[g].map((value, i) => (value === 0 && open[i] < probability ? 0 : 1));
          return [parts.names.get(logAlphaOf(each))!, mask];
        }),
      );
    },
    inSmaller: (smaller) => gateMethod({ ...parts, ...gatesIn(smaller, parts), model: smaller.model }),
  };
}

/**
 * Returns a network's masks with all gates closed: of channels by layer and, for gates on weights, of weights by name.
 * Throws a UserError as `l0Sparsifier` does.
 */
export function closedMasks(model: tf.LayersModel): ChannelMasks {
  return products(
    weightedGates(model).flatMap(({ gate, channelMasks, weightMasks }) => {
      const closed = new Float32Array(gate.logAlpha.size);
      return [channelMasks(closed), weightMasks(closed)];
    }),
  );
}

const logAlphaOf = ({ gate }: WeightedGate): Weight => weightOf(gate, 'logAlpha')!;

/** The gates left in a smaller network, with masks of the whole network's size, and the masks of the removed gates. */
function gatesIn({ layers, weights }: SmallerNetwork, parts: GateMethod): Pick<GateMethod, 'gates' | 'gone'> {
  const gates: WeightedGate[] = [];
  const gone = [...parts.gone];
  for (const each of parts.gates) {
    const gate = layers.get(each.gate) as Gate | undefined;
    const entries = weights.get(logAlphaOf(each))?.entries ?? [];
    const channelMasks = (mask: ArrayLike<number>): ChannelMasks => {
      const whole = new Float32Array(each.weights.length);
      entries.forEach((entry, i) => (whole[entry] = mask[i]));
      return each.channelMasks(whole);
    };
    if (!gate) gone.push(channelMasks([]));
    else gates.push({ ...each, gate, weights: Float32Array.from(entries, (e) => each.weights[e]), channelMasks });
  }
  return { gates, gone };
}

function restoreDraws(gates: readonly WeightedGate[], state: State): void {
  const draws = state.draws as Record<string, number> | undefined;
  for (const { name, gate } of gates) {
    const count = draws?.[name];
    if (typeof count !== 'number')
      throw new UserError(
        `The saved L0 state has no draws of the gate ${name}. Start a new run from the saved weights.`,
      );
    gate.draws = count;
  }
}
