import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../../errors.js';
import { releaseAfterUse } from '../../releaseAfterUse.js';
import type { SimdBackend } from '../simdBackend.js';
import { convolveForward } from './conv2d.js';
import { convolutionGeometry, type WindowAttributes } from './geometry.js';
import type { Inputs } from './override.js';
import { sumColumns } from './reduce.js';

/** x * filter + bias. */
export function convBias(
  backend: SimdBackend,
  { x, filter, bias }: Inputs,
  attributes: WindowAttributes,
): tf.TensorInfo {
  const g = convolutionGeometry(x.shape, filter.shape, attributes);
  if (!g) {
    throw new UserError(
      `A fused convolution takes [N, H, W, C] pictures, one stride for both axes and no dilation; received pictures ` +
        `[${x.shape.join(', ')}], a filter [${filter.shape.join(', ')}] and ${JSON.stringify(attributes)}. Use tf.conv2d and tf.add instead.`,
    );
  }
  return convolveForward(backend, g, x, filter, bias);
}

/** The sum of dy over all pixels: exactly zero, and no need to add, where a batch normalisation follows the convolution. */
export function biasGrad(backend: SimdBackend, { dy }: Inputs): tf.TensorInfo {
  const channels = dy.shape[dy.shape.length - 1];
  const dbias = backend.output([channels]);
  const pixels = tf.util.sizeFromShape(dy.shape) / channels;
  if (backend.isBalanced(dy)) backend.heap.floats(backend.pointer(dbias), channels).fill(0);
  else sumColumns(backend, backend.pointer(dy), pixels, channels, backend.pointer(dbias));
  return dbias;
}

/** Only what is asked for is computed: the first layer's input needs no gradient. */
export const convBiasGradient: tf.GradConfig = {
  kernelName: 'SparsebookConvBias',
  inputsToSave: ['x', 'filter'],
  gradFunc: (dys, [x, filter], attrs) => {
    const dy = dys as tf.Tensor;
    const release = releaseAfterUse(dy);
    const attributes = attrs;
    const run = (name: string, inputs: tf.NamedTensorMap, more: object): tf.Tensor =>
      tf.engine().runKernel(name, inputs, { ...attributes, ...more });
    return {
      x: () => run('Conv2DBackpropInput', { dy, filter }, { inputShape: x.shape }),
      filter: () => run('Conv2DBackpropFilter', { x, dy }, { filterShape: filter.shape }),
      // tfjs asks for the gradients in the order of the inputs, so this one is the last.
      bias: () => {
        const dbias = run('SparsebookBiasGrad', { dy }, {});
        release();
        return dbias;
      },
    };
  },
};
