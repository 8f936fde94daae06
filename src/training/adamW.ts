import type * as tf from '@tensorflow/tfjs';
import { Adam, type AdamOptions } from './adam.js';
import type { Update } from './optimizer.js';

/**
 * AdamW (Loshchilov and Hutter 2019) as PyTorch computes it: Adam whose weight decay does not pass through the running
 * means, p <- p (1 - lr * weight_decay) before Adam's step. It decays every variable given, gates, BN and biases too.
 */
export class AdamW extends Adam {
  override readonly name = 'AdamW';

  /** weight_decay is 1e-4 by default, as in the L0 project (PyTorch: 1e-2). */
  constructor(options: AdamOptions = {}) {
    super({ weight_decay: 1e-4, ...options });
  }

  protected override decayed({ variable, gradient, lr }: Update): [tf.Tensor, tf.Tensor] {
    return [variable.mul(1 - lr * this.weightDecay), gradient];
  }
}
