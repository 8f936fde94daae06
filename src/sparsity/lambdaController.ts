import { UserError } from '../errors.js';
import { check, number } from '../rules.js';
import type { State } from './sparsifier.js';

/** A sparsity to reach and hold, instead of a fixed lambda. */
export interface SparsityTarget {
  /** The share to remove: at least 0, below 1. */
  sparsity: number;
  /**
   * Returns the share removed by masks: of channels by layer, or of weights by weight. 0 in a mask means removed.
   * `correction` is the factor measured so far, 1 at first.
   */
  sparsityOf: (masks: ReadonlyMap<string, Float32Array>, correction?: number) => number;
  /** Further numbers for the method's summary. */
  summary?: (masks: ReadonlyMap<string, Float32Array>, correction: number) => Record<string, number>;
  /** Measures the cost that remains under the masks, as a factor of the computed cost. */
  correctionFor?: (masks: ReadonlyMap<string, Float32Array>) => Promise<number>;
}

/** A cost that a network should have once masks have closed channels: multiply-adds or milliseconds. */
export interface CostGoal {
  /** The cost that should remain. */
  left: number;
  costOf: (masks: ReadonlyMap<string, Float32Array>) => number;
  /** Measures the cost, if `costOf` only predicts it. */
  measure?: (masks: ReadonlyMap<string, Float32Array>) => Promise<number>;
  /** Masks that close all that can be closed. */
  closed: ReadonlyMap<string, Float32Array>;
  /** The setting and the unit, for the error: `target_ms`, `ms`. */
  name: string;
  unit: string;
}

/**
 * Returns the target for a cost to reach and hold, as a share of what closing everything saves:
 * (whole - cost) / (whole - least), 0 if nothing is closed, 1 if everything is. Measurements correct the computed cost
 * by a factor.
 *
 * Throws a UserError if the cost is above the whole network's, or not above the cost with everything closed.
 */
export function costTarget({ left, costOf, measure, closed, name, unit }: CostGoal): SparsityTarget {
  const [whole, least] = [costOf(new Map()), costOf(closed)];
  if (!(left > least && left <= whole)) {
    const [low, high] = [least, whole].map((cost) => Number(cost.toPrecision(3)).toLocaleString('en'));
    throw new UserError(
      `${name} must be above ${low} ${unit}, which is what is left where every gate is closed, and at most the ${high} ${unit} ` +
        `of the whole network; received ${left}.`,
    );
  }
  const share = (cost: number): number => (whole - cost) / (whole - least);
  return {
    sparsity: share(left),
    sparsityOf: (masks, correction = 1) => share(correction * costOf(masks)),
    correctionFor: measure && (async (masks) => (await measure(masks)) / costOf(masks)),
  };
}

/** What the controller observes after a step. */
interface Observation {
  masks: ReadonlyMap<string, Float32Array>;
  /**
   * The share of the penalty's weight that closed and closing gates have lost: one minus the mean mask if all gates
   * weigh the same.
   */
  closing: number;
  /** How far a gate's log alpha can have moved in the step: the gates' learning rate at that step. */
  travel: number;
}

/** Lambda per unit of missing sparsity. */
const GAIN = 400;
/**
 * How far log alpha travels while the reference climbs to the target: 1.5 times the way from open (2.94) to closed
 * (-2.40).
 */
const RAMP = 8;
/** How far log alpha travels, at a constant error, until the integral equals the proportional part. */
const INTEGRAL = 10.6;

/**
 * Chooses lambda after each step so that a network reaches a sparsity and stays there: a proportional part that follows
 * a ramp, and an integral part that holds the target.
 *
 * Time is counted in travel: the distance tau that a gate's log alpha can have moved (the sum of its learning rates),
 * so that the same constants suit any learning rate:
 *
 *     lambda = 400 (r - m) + I,   r = m0 + (s* - m0) min(1, tau / 8),   dI = 400 (s* - s) dtau / 10.6 once tau >= 8
 *
 * s* is the target, s the share that the masks remove now, and m one minus the mean mask, weighted as in the penalty
 * (m0 at the start), which shows closing gates before they close. I restarts from 0 whenever s crosses s* (Clegg 1958),
 * so that what accumulated before does not cause an overshoot. Lambda may become negative: open gates are then
 * rewarded. If the target can be measured, a measured factor corrects s; it is part of the state. docs/math-l0.md
 * explains the method.
 */
export class LambdaController {
  lambda = 0;
  /** The measured factor by which the target's computed cost is multiplied. */
  correction = 1;
  private integral = 0;
  private travel = 0;
  private lastError = 0;
  private start = 0;

  constructor(private readonly target: SparsityTarget) {
    const { sparsity } = target;
    check('target_sparsity', sparsity, number({ min: 0, below: 1 }));
  }

  /**
   * Measures the cost that remains under the masks, if the target can be measured, and moves the correction half way
   * there, geometrically: the masks that follow may need another correction, and full steps could oscillate.
   */
  async correct(masks: ReadonlyMap<string, Float32Array>): Promise<void> {
    const measured = await this.target.correctionFor?.(masks);
    if (measured !== undefined) this.correction = Math.sqrt(this.correction * measured);
  }

  /** Observes the result of a step and sets the next step's lambda. */
  observe({ masks, closing, travel }: Observation): void {
    const { sparsity, sparsityOf } = this.target;
    if (this.travel === 0) this.start = closing;
    this.travel += travel;
    const progress = Math.min(1, this.travel / RAMP);
    const error = sparsity - sparsityOf(masks, this.correction);
    if (error * this.lastError < 0) this.integral = 0;
    else if (progress === 1) this.integral += (GAIN * error * travel) / INTEGRAL;
    this.lastError = error;
    const reference = this.start + (sparsity - this.start) * progress;
    this.lambda = GAIN * (reference - closing) + this.integral;
  }

  state(): State {
    const { lambda, integral, travel, lastError, start, correction } = this;
    return { lambda, integral, travel, lastError, start, ...(this.target.correctionFor && { correction }) };
  }

  /** Restores what `state` returned. Throws a UserError if a number is missing. */
  restore(state: State | undefined): void {
    for (const name of ['lambda', 'integral', 'travel', 'lastError', 'start'] as const) {
      const value = state?.[name];
      if (typeof value !== 'number')
        throw new UserError(`The saved L0 state has no ${name} of a target. Start a new run from the saved weights.`);
      this[name] = value;
    }
    // States saved before targets could be measured have no correction.
    if (typeof state?.correction === 'number') this.correction = state.correction;
  }
}
