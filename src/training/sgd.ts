import * as tf from '@tensorflow/tfjs';
import { hasKernel, sgdStep } from '../backend/fusedOps.js';
import type { State } from '../sparsity/sparsifier.js';
import { Slots, ownValues, replace } from './slots.js';
import type { Optimizer, Update } from './optimizer.js';

export interface SgdOptions {
  /** Default 0.01. */
  lr?: number;
  /** Default 0: no velocity. */
  momentum?: number;
  /** Default 0. */
  weight_decay?: number;
  /** Which variables weight decay acts on, by their keys. Default: all. */
  decays?: (key: string) => boolean;
}

/**
 * Stochastic gradient descent as PyTorch computes it: g <- g + weight_decay * p, velocity <- momentum * velocity + g,
 * p <- p - lr * velocity.
 */
export class Sgd implements Optimizer {
  readonly name = 'SGD';
  readonly lr: number;
  private readonly momentum: number;
  private readonly weightDecay: (key: string) => number;
  private readonly slots = new Slots(['velocity']);

  constructor({ lr = 0.01, momentum = 0, weight_decay = 0, decays = () => true }: SgdOptions = {}) {
    this.lr = lr;
    this.momentum = momentum;
    this.weightDecay = (key) => (decays(key) ? weight_decay : 0);
  }

  step(updates: Update[]): void {
    for (const update of updates) {
      tf.tidy(() => (hasKernel('SgdStep') ? this.updateInPlace(update) : this.update(update)));
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

  private update({ key, variable, gradient, lr }: Update): void {
    const weightDecay = this.weightDecay(key);
    let change = weightDecay === 0 ? gradient : gradient.add(variable.mul(weightDecay));
    if (this.momentum !== 0) {
      const slot = this.slots.of(key, variable);
      slot.step++;
      change = slot.tensors.velocity.mul(this.momentum).add(change);
      replace(slot, { velocity: change });
    }
    variable.assign(variable.sub(change.mul(lr)));
  }

  private updateInPlace({ key, variable, gradient, lr }: Update): void {
    ownValues(variable);
    const { momentum } = this;
    const slot = momentum === 0 ? undefined : this.slots.of(key, variable);
    if (slot) slot.step++;
    const settings = { learningRate: lr, momentum, weightDecay: this.weightDecay(key) };
    sgdStep({ param: variable, grad: gradient, velocity: slot?.tensors.velocity }, settings);
  }
}
