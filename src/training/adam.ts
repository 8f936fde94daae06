import * as tf from '@tensorflow/tfjs';
import type { State } from '../sparsity/sparsifier.js';
import type { Optimizer, Update } from './optimizer.js';
import { replace, Slots, type Slot } from './slots.js';

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
  protected readonly weightDecay: number;
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
      tf.tidy(() => this.update(update, slot));
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

  /** The variable and its gradient after weight decay. */
  protected decayed({ variable, gradient }: Update): [tf.Tensor, tf.Tensor] {
    return [variable, this.weightDecay === 0 ? gradient : gradient.add(variable.mul(this.weightDecay))];
  }

  private update(update: Update, slot: Slot): void {
    const [beta1, beta2] = this.betas;
    const [p, g] = this.decayed(update);
    const m = slot.tensors.m.mul(beta1).add(g.mul(1 - beta1));
    const v = slot.tensors.v.mul(beta2).add(g.square().mul(1 - beta2));
    const root = v.sqrt().div(Math.sqrt(1 - beta2 ** slot.step));
    const change = m.div(root.add(this.eps)).mul(update.lr / (1 - beta1 ** slot.step));
    update.variable.assign(p.sub(change));
    replace(slot, { m, v });
  }
}
