import { hasKernel } from '../backend/fusedOps.js';
import { sgdStep } from '../backend/fusedSteps.js';
import { UserError } from '../errors.js';
import { check, number } from '../rules.js';
import { ownValues, replace, SlotOptimizer, type SlotOptimizerOptions, type Update } from './slots.js';

/** Options of `Sgd`. */
export interface SgdOptions extends SlotOptimizerOptions {
  /** Default 0.01. */
  lr?: number;
  /** Default 0: no velocity. */
  momentum?: number;
  /** Whether to use Nesterov's momentum (1983), which needs a momentum above 0. Default false. */
  nesterov?: boolean;
  /** Default 0. */
  weight_decay?: number;
}

/**
 * Stochastic gradient descent as PyTorch computes it: g <- g + weight_decay * p, velocity <- momentum * velocity + g,
 * p <- p - lr * velocity; with Nesterov's momentum p <- p - lr * (g + momentum * velocity).
 */
export class Sgd extends SlotOptimizer {
  readonly name = 'SGD';
  private readonly momentum: number;
  private readonly nesterov: boolean;

  /** Throws a UserError for a number below 0, and for Nesterov's momentum without momentum. */
  constructor({ lr = 0.01, momentum = 0, nesterov = false, weight_decay = 0, decays }: SgdOptions = {}) {
    super(['velocity'], { lr, weight_decay, decays });
    check('momentum', momentum, number({ min: 0, below: 1 }));
    if (nesterov && momentum === 0) {
      throw new UserError('nesterov must have a momentum above 0; received momentum 0. Set one, such as 0.9.');
    }
    this.momentum = momentum;
    this.nesterov = nesterov;
  }

  get remembersDecay(): boolean {
    return this.momentum > 0 && this.weightDecay > 0;
  }

  protected update(update: Update): void {
    const { variable, gradient, lr } = update;
    const { momentum, nesterov } = this;
    const weightDecay = this.decayOf(update);
    const slot = momentum === 0 ? undefined : this.slotOf(update);
    if (hasKernel('SgdStep')) {
      ownValues(variable);
      const settings = { learningRate: lr, momentum, nesterov, weightDecay };
      return sgdStep({ param: variable, grad: gradient, velocity: slot?.tensors.velocity }, settings);
    }
    const g = weightDecay === 0 ? gradient : gradient.add(variable.mul(weightDecay));
    const velocity = slot?.tensors.velocity.mul(momentum).add(g);
    const change = velocity && nesterov ? g.add(velocity.mul(momentum)) : (velocity ?? g);
    if (slot && velocity) replace(slot, { velocity });
    variable.assign(variable.sub(change.mul(lr)));
  }
}
