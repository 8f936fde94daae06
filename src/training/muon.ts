import * as tf from '@tensorflow/tfjs';
import { hasKernel } from '../backend/fusedOps.js';
import { muonStep } from '../backend/fusedSteps.js';
import { UserError } from '../errors.js';
import type { State } from '../sparsity/sparsifier.js';
import { AdamW } from './adam.js';
import { ownValues, replace, SlotOptimizer } from './slots.js';
import type { SlotOptimizerOptions, Optimizer, Update } from './slots.js';
import { check, number } from '../rules.js';

/** Options of `Muon`. */
export interface MuonOptions extends SlotOptimizerOptions {
  /** As large as for AdamW. Default 1e-3. */
  lr?: number;
  /** Default 0.95. */
  momentum?: number;
  /** Whether to use Nesterov's momentum. Default true. */
  nesterov?: boolean;
  /** Default 1e-4. */
  weight_decay?: number;
  /**
   * Replaces lr and weight decay for the kernels of convolutions: each kernel is scaled to the norm sqrt(outputs)
   * before a step, and the step changes it by this share of its norm (Jordan 2024, airbench94_muon). Schedules multiply
   * it like lr. Default: steps as large as AdamW's.
   */
  relative_lr?: number;
}

/** Coefficients of the quintic a X + b X X'X + c X (X'X)^2 that moves singular values in (0, 1] towards 1 fastest. */
const coefficients = [3.4445, -4.775, 2.0315] as const;
/** How many times the quintic is applied. */
const times = 5;

/**
 * The largest number of values of a matrix that fits into a core's cache together with its products: one kernel call
 * updates all matrices up to this size.
 */
const SMALL = 65_536;

/**
 * Approximates the orthogonal matrix nearest to a matrix [rows, columns], U V' of its singular value decomposition,
 * with singular values between 0.7 and 1.2 in place of 1 (except those close to 0), by five steps of the Newton-Schulz
 * iteration (Jordan et al. 2024). The caller disposes it.
 */
export function orthogonalised(matrix: tf.Tensor2D): tf.Tensor2D {
  const [a, b, c] = coefficients;
  return tf.tidy(() => {
    const [rows, columns] = matrix.shape;
    const tall = rows > columns;
    const x = matrix.div(matrix.mul(matrix).sum().sqrt().add(1e-7));
    // Each step multiplies X by a polynomial of the smaller of X'X and X X'. A convolution's matrix is a few times as
    // long as it is wide: the steps use only that square matrix, and X is multiplied once by the product of all of
    // them.
    let square: tf.Tensor = x.matMul(x, tall, !tall);
    const identity = tf.eye(Math.min(rows, columns)).mul(a);
    let all: tf.Tensor | undefined;
    for (let step = 1; step <= times; step++) {
      const factor: tf.Tensor = identity.add(square.mul(b)).add(square.matMul(square).mul(c));
      all = all ? factor.matMul(all) : factor;
      if (step < times) square = factor.matMul(square).matMul(factor);
    }
    return (tall ? x.matMul(all!) : all!.matMul(x)) as tf.Tensor2D;
  });
}

/** Whether an update is for a convolution's kernel, which Muon orthogonalises; AdamW updates everything else. */
const isConvolution = ({ key, variable }: Update): boolean => key.endsWith('/kernel') && variable.rank === 4;

/** Muon's part in `Muon`: the kernels of convolutions. */
class MuonKernels extends SlotOptimizer {
  readonly name = 'Muon';
  readonly remembersDecay = false;

  constructor(
    private readonly own: Required<Pick<MuonOptions, 'lr' | 'momentum' | 'nesterov' | 'weight_decay'>> & MuonOptions,
  ) {
    super(['momentum'], own);
    const { lr, momentum, relative_lr } = own;
    check('momentum', momentum, number({ min: 0, below: 1 }));
    if (relative_lr === undefined) return;
    check('relative_lr', relative_lr, number({ above: 0 }));
    // The schedule's factor is derived from lr.
    if (lr === 0) throw new UserError(`lr must be above 0 beside relative_lr; received 0. Leave relative_lr out.`);
  }

  override step(updates: Update[]): void {
    const fused = hasKernel('MuonStep') && this.own.relative_lr === undefined;
    const isSmall = ({ variable }: Update): boolean => fused && variable.size <= SMALL;
    const [small, large] = [updates.filter(isSmall), updates.filter((update) => !isSmall(update))];
    const kernels = small.map((update) => {
      const { variable: param, gradient: grad } = update;
      ownValues(param);
      const { momentum } = this.slotOf(update).tensors;
      return { param, grad, momentum, ...this.sharesOf(update) };
    });
    if (kernels.length > 0) muonStep(kernels, { ...this.own, coefficients, times });
    super.step(large);
  }

  /** The factors in W <- keep * W - rate * (orthogonal matrix). */
  private sharesOf(update: Update): { rate: number; keep: number } {
    const { variable, lr } = update;
    const outputs = variable.shape.at(-1)!;
    const rate = lr * 0.2 * Math.sqrt(Math.max(outputs, variable.size / outputs));
    return { rate, keep: 1 - lr * this.decayOf(update) };
  }

  /** The same for `relative_lr`: scales the kernel to the norm sqrt(outputs) in place of weight decay. */
  private relative({ variable, lr }: Update): { rate: number; keep: tf.Scalar } {
    const length = Math.sqrt(variable.shape.at(-1)!);
    const keep = tf.scalar(length).div<tf.Scalar>(variable.norm().maximum(1e-12));
    return { rate: (this.own.relative_lr! * lr) / this.lr, keep };
  }

  protected update(update: Update): void {
    const { variable, gradient } = update;
    const { momentum, nesterov } = this.own;
    const slot = this.slotOf(update);
    const mean = slot.tensors.momentum.mul(momentum).add(gradient.mul(1 - momentum));
    const direction = nesterov ? mean.mul(momentum).add(gradient.mul(1 - momentum)) : mean;
    const { rate, keep } = this.own.relative_lr === undefined ? this.sharesOf(update) : this.relative(update);
    const matrix = direction.reshape<tf.Tensor>([-1, variable.shape.at(-1)!]) as tf.Tensor2D;
    const change = orthogonalised(matrix).mul(rate).reshape(variable.shape);
    variable.assign(variable.mul(keep).sub(change));
    replace(slot, { momentum: mean });
  }
}

/**
 * Muon (Jordan et al. 2024): the momentum M of a convolution's kernel, read as a matrix [height width inputs, outputs],
 * is made orthogonal before each step, so that the kernel changes equally in all directions: W <- W (1 - lr *
 * weight_decay) - lr * 0.2 sqrt(max(rows, columns)) U V' for M = U S V'. The factor makes steps as large as AdamW's
 * (Liu et al. 2025, section 2.2), which updates everything else: biases, norms, gates and dense layers, at the same
 * learning rate. With `relative_lr`, W <- W sqrt(columns) / |W| - relative_lr * U V' instead.
 */
export class Muon implements Optimizer {
  readonly name = 'Muon';
  readonly remembersDecay = false;
  readonly lr: number;
  private readonly kernels: MuonKernels;
  private readonly rest: AdamW;

  /** Throws a UserError for a number out of range. */
  constructor(options: MuonOptions = {}) {
    const { lr = 1e-3, momentum = 0.95, nesterov = true, weight_decay = 1e-4, decays, relative_lr } = options;
    this.lr = lr;
    this.kernels = new MuonKernels({ lr, momentum, nesterov, weight_decay, decays, relative_lr });
    this.rest = new AdamW({ lr, weight_decay, decays });
  }

  step(updates: Update[]): void {
    this.kernels.step(updates.filter(isConvolution));
    this.rest.step(updates.filter((update) => !isConvolution(update)));
  }

  state(): State {
    return { kernels: this.kernels.state(), rest: this.rest.state() };
  }

  restore(state: State): void {
    this.kernels.restore(state.kernels as State);
    this.rest.restore(state.rest as State);
  }

  dispose(): void {
    this.kernels.dispose();
    this.rest.dispose();
  }
}
