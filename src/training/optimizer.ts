import { UserError } from '../errors.js';
import { Adam, AdamW } from './adam.js';
import { Muon } from './muon.js';
import { Sgd } from './sgd.js';
import type { Optimizer } from './slots.js';

/**
 * Whether a variable with this key is a kernel. Used as `decays`, it exempts norms, biases and gates, whose size says
 * nothing about the complexity of a network.
 */
export const kernelsOnly = (key: string): boolean => key.endsWith('kernel');

/** The settings of an optimizer as plain values. */
export interface OptimizerSettings {
  name: 'adamw' | 'adam' | 'sgd' | 'muon';
  /** Default: the optimizer's own, which is 1e-3, or 0.01 for sgd. */
  lr?: number;
  /** For sgd and muon. Default 0, or 0.95 for muon. */
  momentum?: number;
  /** For sgd with momentum, and for muon. Default false, or true for muon. */
  nesterov?: boolean;
  /** Default: the optimizer's own, which is 0, or 1e-4 for adamw and muon. */
  weight_decay?: number;
  /** For muon. Default: none. */
  relative_lr?: number;
  /** The variables that weight decay acts on: all trained ones, or only kernels. Default 'all'. */
  decay?: 'all' | 'kernels';
}

const decaying = { all: () => true, kernels: kernelsOnly };

/**
 * Returns the optimizer that the settings describe; the caller disposes it. Throws a UserError for an unknown name, for
 * numbers out of range, and for momentum, nesterov or relative_lr if the optimizer has no such setting.
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
