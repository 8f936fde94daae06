import * as tf from '@tensorflow/tfjs';
import { adamWStep, hasKernel } from '../backend/fusedOps.js';
import type { State } from '../sparsity/sparsifier.js';
import type { Optimizer, Update } from './optimizer.js';
import { Slots, ownValues, replace, type Slot } from './slots.js';

export interface AdamOptions {
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
 * Adam (Kingma and Ba 2015) as PyTorch computes it: m and v are running means of the gradient g and of g^2, and
 * p <- p - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps). Weight decay is added to the gradient.
 */
export class Adam implements Optimizer {
  readonly name: string = 'Adam';
  readonly lr: number;
  /** Whether weight decay acts on the variable itself (AdamW) instead of on the gradient. */
  protected readonly decoupled: boolean = false;
  private readonly weightDecay: number;
  private readonly betas: [number, number];
  private readonly eps: number;
  private readonly slots = new Slots(['m', 'v']);

  constructor({ lr = 1e-3, weight_decay = 0, betas = [0.9, 0.999], eps = 1e-8 }: AdamOptions = {}) {
    this.lr = lr;
    this.weightDecay = weight_decay;
    this.betas = betas;
    this.eps = eps;
  }

  step(updates: Update[]): void {
    for (const update of updates) {
      const slot = this.slots.of(update.key, update.variable);
      slot.step++;
      tf.tidy(() => (hasKernel('AdamWStep') ? this.updateInPlace(update, slot) : this.update(update, slot)));
    }
  }

  state(): State {
    return this.slots.state();
  }

  restore(state: State): void {
    this.slots.restore(state);
  }

  dispose(): void {
    this.slots.dispose();
  }

  private update({ variable, gradient, lr }: Update, slot: Slot): void {
    const [beta1, beta2] = this.betas;
    const g = this.decoupled ? gradient : this.withDecay(gradient, variable);
    const p = this.decoupled ? variable.mul(1 - lr * this.weightDecay) : variable;
    const m = slot.tensors.m.mul(beta1).add(g.mul(1 - beta1));
    const v = slot.tensors.v.mul(beta2).add(g.square().mul(1 - beta2));
    const root = v.sqrt().div(Math.sqrt(1 - beta2 ** slot.step));
    const change = m.div(root.add(this.eps)).mul(lr / (1 - beta1 ** slot.step));
    variable.assign(p.sub(change));
    replace(slot, { m, v });
  }

  private updateInPlace({ variable, gradient, lr }: Update, { step, tensors }: Slot): void {
    ownValues(variable);
    const [beta1, beta2] = this.betas;
    const grad = this.decoupled ? gradient : this.withDecay(gradient, variable);
    const weightDecay = this.decoupled ? this.weightDecay : 0;
    const settings = { learningRate: lr, beta1, beta2, epsilon: this.eps, weightDecay, step };
    adamWStep({ param: variable, grad, m: tensors.m, v: tensors.v }, settings);
  }

  private withDecay(gradient: tf.Tensor, variable: tf.Variable): tf.Tensor {
    return this.weightDecay === 0 ? gradient : gradient.add(variable.mul(this.weightDecay));
  }
}

/**
 * AdamW (Loshchilov and Hutter 2019) as PyTorch computes it: Adam whose weight decay does not pass through the running
 * means, p <- p (1 - lr * weight_decay) before Adam's step. It decays every variable given, gates, BN and biases too.
 */
export class AdamW extends Adam {
  override readonly name = 'AdamW';
  protected override readonly decoupled = true;

  /** weight_decay is 1e-4 by default, as in the L0 project (PyTorch: 1e-2). */
  constructor(options: AdamOptions = {}) {
    super({ weight_decay: 1e-4, ...options });
  }
}
