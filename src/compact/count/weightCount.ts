import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { channelGraph } from '../../graph/channelGraph.js';
import { kernelGeometry, weightOf } from '../../graph/kernels.js';
import { weightNames } from '../../graph/names.js';
import { completeCount, countOf, type Count } from './completeCount.js';

/** How much of a network is left when single weights are removed. */
export interface WeightCount extends Count {
  /** Those of the weights that are left: what a machine would do that skips zeros. */
  multiplyAdds: Count;
}

/**
 * The complete count of parameters and multiply-adds where masks remove single entries of kernels: a 0 counts as gone,
 * biases and batch norm stay. `masks` are flat, by the kernel's name (layer/kernel).
 *
 * Throws a UserError where a mask has no kernel, or not as many values as the kernel.
 */
export function weightCount(model: tf.LayersModel, masks: ReadonlyMap<string, Float32Array>): WeightCount {
  const full = completeCount(model);
  const names = weightNames(model);
  const kernels = new Map(
    channelGraph(model).nodes.flatMap(({ layer, outputShape }) => {
      const kernel = weightOf(layer, 'kernel');
      return kernel ? [[names.get(kernel), kernelGeometry(layer, outputShape)] as const] : [];
    }),
  );
  let [parameters, multiplyAdds] = [full.left, full.multiplyAdds.left];
  for (const [name, mask] of masks) {
    const geometry = kernels.get(name);
    if (!geometry) throw new UserError(`A mask of weights belongs to a kernel of ${model.name}, which has no ${name}.`);
    const size = geometry.window * geometry.inputs * geometry.outputs;
    if (mask.length !== size) throw new UserError(`The mask of ${name} needs ${size} values, got ${mask.length}.`);
    const removed = mask.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
    parameters -= removed;
    multiplyAdds -= removed * geometry.positions;
  }
  return { ...countOf(parameters, full.full), multiplyAdds: countOf(multiplyAdds, full.multiplyAdds.full) };
}
