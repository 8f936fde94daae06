import * as tf from '@tensorflow/tfjs';
import type { Loss } from '../../training/loss.js';

/**
 * A loss that is given scale * softmax(logits) where it expects logits. At scale 1 the values differ by 1 at most, so that
 * cross-entropy over 10 classes stays above ln(e + 9) - 1 = 1.46 and its gradients nearly vanish.
 */
export function softmaxInLoss(loss: Loss, scale: number): Loss {
  return (logits, labels) => tf.tidy(() => loss(logits.softmax().mul<tf.Tensor2D>(scale), labels));
}
