import { hasKernel } from '../backend/fusedOps.js';
import { adamWStep } from '../backend/fusedSteps.js';
import { ownValues, replace, SlotOptimizer, type SlotOptimizerOptions, type Update } from './slots.js';
import { check, number } from '../rules.js';

/** Options of `Adam` and `AdamW`. */
export interface AdamOptions extends SlotOptimizerOptions {
  /** Default 1e-3. */
  lr?: number;
  /** Default 0. */
  weight_decay?: number;
  /** Decay of the two running means. Default [0.9, 0.999]. */
  betas?: [number, number];
  /** Default 1e-8. */
  eps?: number;
}

/**
 * Adam (Kingma and Ba 2015) as PyTorch computes it, with m and v the running means of the gradient g and of g^2:
 * p <- p - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps). Weight decay is added to the gradient. Throws
 * a UserError for a rate or decay below 0.
 */
export class Adam extends SlotOptimizer {
  readonly name: string = 'Adam';
  /** Whether weight decay acts on the variable itself (AdamW) instead of on the gradient. */
  protected readonly decoupled: boolean = false;
  private readonly betas: [number, number];
  private readonly eps: number;

  /** Throws a UserError for a number out of range. */
  constructor({ lr = 1e-3, weight_decay = 0, decays, betas = [0.9, 0.999], eps = 1e-8 }: AdamOptions = {}) {
    super(['m', 'v'], { lr, weight_decay, decays });
    for (const [i, beta] of betas.entries()) check(`betas[${i}]`, beta, number({ min: 0, below: 1 }));
    check('eps', eps, number({ min: 0 }));
    this.betas = betas;
    this.eps = eps;
  }

  get remembersDecay(): boolean {
    return !this.decoupled && this.weightDecay > 0;
  }

  protected update(update: Update): void {
    const { variable, gradient, lr } = update;
    const slot = this.slotOf(update);
    const { step, tensors } = slot;
    const [beta1, beta2] = this.betas;
    const decay = this.decayOf(update);
    const g = this.decoupled || decay === 0 ? gradient : gradient.add(variable.mul(decay));
    const shrink = this.decoupled ? decay : 0;
    if (hasKernel('AdamWStep')) {
      ownValues(variable);
      const settings = { learningRate: lr, beta1, beta2, epsilon: this.eps, weightDecay: shrink, step };
      return adamWStep({ param: variable, grad: g, m: tensors.m, v: tensors.v }, settings);
    }
    const m = tensors.m.mul(beta1).add(g.mul(1 - beta1));
    const v = tensors.v.mul(beta2).add(g.square().mul(1 - beta2));
    const root = v.sqrt().div(Math.sqrt(1 - beta2 ** step));
    const change = m.div(root.add(this.eps)).mul(lr / (1 - beta1 ** step));
    variable.assign(variable.mul(1 - lr * shrink).sub(change));
    replace(slot, { m, v });
  }
}

/**
 * AdamW (Loshchilov and Hutter 2019) as PyTorch computes it: Adam whose weight decay does not pass through the running
 * means, p <- p (1 - lr * weight_decay) before Adam's step. By default every variable decays, gates, batch norms and
 * biases included; `decays` chooses others.
 */
export class AdamW extends Adam {
  override readonly name = 'AdamW';
  protected override readonly decoupled = true;

  /** weight_decay is 1e-4 by default, as in the L0 project (PyTorch: 1e-2). */
  constructor({ weight_decay = 1e-4, ...options }: AdamOptions = {}) {
    super({ weight_decay, ...options });
  }
}
