import * as tf from '@tensorflow/tfjs';
import type { SimdBackend } from '../simdBackend.js';
import { isRecording, type Inputs } from './override.js';

/** dx = dy where y > 0, else 0. */
export function reluGrad(backend: SimdBackend, { dy, y }: Inputs): tf.TensorInfo {
  const dx = backend.output(y.shape);
  const n = tf.util.sizeFromShape(y.shape);
  const args = [backend.pointer(dy), backend.pointer(y), backend.pointer(dx), n];
  backend.run('reluGradient', Math.ceil(n / 4), args, { grain: 4096 });
  return dx;
}

/**
 * The gradient of ReLU from its output, for every backend, in place of tfjs's from its input: a convolution whose ReLU is done on the way
 * never has that input. A gradient that may itself be differentiated is composed of operations that tfjs can differentiate.
 */
export const reluGradient: tf.GradConfig = {
  kernelName: 'Relu',
  outputsToSave: [true],
  gradFunc: (dys, [y]) => {
    const dy = dys as tf.Tensor;
    const fused = tf.getBackend() === 'simd' && !isRecording() && dy.dtype === 'float32' && y.size > 0;
    return { x: () => (fused ? tf.engine().runKernel('SparsebookReluGrad', { dy, y }) : tf.mul(dy, tf.step(y))) };
  },
};
