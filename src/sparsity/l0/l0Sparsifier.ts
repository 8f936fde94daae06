import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { probabilityNonZero } from '../../layers/hardConcrete.js';
import { products } from '../combineSparsifiers.js';
import type { Sparsifier, State } from '../sparsifier.js';
import { LambdaController, type SparsityTarget } from './lambdaController.js';
import { weightedGates, type L0Weighting, type WeightedGate } from './weightedGates.js';

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
  const afterStep = (learningRate: number): void => {
    if (clampLogAlpha) clamp();
    controller?.observe({
      masks: new Map([...masksOf('channels'), ...masksOf('weights')]),
      travel: lr_gates ?? learningRate,
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
