import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { weightOf } from '../../graph/kernels.js';
import { istaLayers } from './istaLayers.js';

/**
 * Multiplies the gammas and betas that `istaSparsifier` prunes by with `alpha`, and the weights that read their channels
 * with 1 / alpha: the network computes the same, and smaller gammas reach 0 sooner (Ye et al. 2018, section 4.3). With
 * 1 / alpha it undoes itself.
 *
 * Throws a UserError for an alpha that is not positive.
 */
export function rescaleGammas(model: tf.LayersModel, alpha: number): void {
  if (!(alpha > 0 && Number.isFinite(alpha))) throw new UserError(`alpha is a number above 0, got ${alpha}`);
  if (alpha === 1) return;
  for (const { gamma, beta, readers } of istaLayers(model)) {
    tf.tidy(() => {
      for (const variable of [gamma, beta]) variable?.assign(variable.mul<tf.Tensor1D>(alpha));
      for (const { layer, inputsOf } of readers) {
        const kernel = weightOf(layer, 'kernel')!;
        const [inputs, outputs] = kernel.shape.slice(-2) as number[];
        const factors = new Float32Array(inputs).fill(1);
        for (let c = 0; c < gamma.size; c++) for (const input of inputsOf(c)) factors[input] = 1 / alpha;
        kernel.write(kernel.read().mul(tf.tensor2d(factors, [inputs, 1]).tile([1, outputs])));
      }
    });
  }
}
