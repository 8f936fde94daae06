import { Adam, type AdamOptions } from './adam.js';

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
