import { UserError } from '../errors.js';
import { Adam, AdamW } from './adam.js';
import { Muon } from './muon.js';
import { Sgd } from './sgd.js';
import type { Optimizer } from './slots.js';

/**
 * Whether a variable of this key is a kernel: for `decays`, so that norms, biases and gates are spared, whose size says
 * nothing about how complex a network is.
 */
export const kernelsOnly = (key: string): boolean => key.endsWith('kernel');

/** An optimizer in plain values, as settings give it. */
export interface OptimizerSettings {
  name: 'adamw' | 'adam' | 'sgd' | 'muon';
  /** Default: the optimizer's own, 1e-3, or 0.01 of sgd. */
  lr?: number;
  /** Of sgd and muon. Default 0, or 0.95 of muon. */
  momentum?: number;
  /** Of sgd with momentum, and of muon. Default false, or true of muon. */
  nesterov?: boolean;
  /** Default: the optimizer's own, 0, or 1e-4 of adamw and muon. */
  weight_decay?: number;
  /** Of muon. Default: none. */
  relative_lr?: number;
  /** What weight decay acts on: all that is trained, or kernels alone. Default 'all'. */
  decay?: 'all' | 'kernels';
}

const decaying = { all: () => true, kernels: kernelsOnly };

/**
 * The optimizer that settings describe; the caller disposes it. Throws a UserError for an unknown name, for numbers out
 * of range, and for momentum or relative_lr where the optimizer has none.
 */
export function makeOptimizer(settings: OptimizerSettings): Optimizer {
  const { name, lr, momentum, nesterov, weight_decay, decay = 'all', relative_lr } = settings;
  if (!Object.hasOwn(decaying, decay)) {
    throw new UserError(`decay must be 'all' or 'kernels'; received '${decay}'.`);
  }
  if (relative_lr !== undefined && name !== 'muon') {
    throw new UserError(
      `relative_lr must be left out with ${name}: it is a setting of muon. Choose that, or leave it out.`,
    );
  }
  const shared = { lr, weight_decay, decays: decaying[decay] };
  if (name === 'sgd') return new Sgd({ ...shared, momentum, nesterov });
  if (name === 'muon') return new Muon({ ...shared, momentum, nesterov, relative_lr });
  if (name !== 'adam' && name !== 'adamw') {
    throw new UserError(`An optimizer must be 'adamw', 'adam', 'sgd' or 'muon'; received '${name as string}'.`);
  }
  if (momentum || nesterov) {
    throw new UserError(
      `momentum and nesterov must be left out with ${name}: they are settings of sgd and muon. Choose one of those, or leave them out.`,
    );
  }
  return name === 'adam' ? new Adam(shared) : new AdamW(shared);
}
