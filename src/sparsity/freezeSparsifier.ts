import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { BatchNorm } from '../layers/batchNorm.js';
import type { Weight } from '../layers/layer.js';
import { consumersOf } from '../models/layerGraph.js';
import { prunableWeights } from './prunableWeights.js';
import type { Sparsifier } from './sparsifier.js';

export interface FreezeOptions {
  /** Which kernels are frozen: the first so many, or with a number below 1 that share of them, rounded up. */
  first: number;
  /** Whether the batch norm behind a frozen kernel is frozen too, running statistics included. Default true. */
  batchNorm?: boolean;
}

/** Freezing, with the names of what is frozen. */
export interface FreezeSparsifier extends Sparsifier {
  /** The frozen weights, as layer/weight. */
  readonly frozen: readonly string[];
}

/**
 * Keeps the first kernels of a network as they are, bit for bit: their gradients are taken away before the optimizer sees
 * them, so that neither momentum nor weight decay moves them. `dispose` lets them train again.
 *
 * Throws a UserError for a number of kernels that the network does not have.
 */
export function freezeSparsifier(model: tf.LayersModel, { first, batchNorm = true }: FreezeOptions): FreezeSparsifier {
  const kernels = prunableWeights(model);
  const count = first < 1 ? Math.ceil(first * kernels.length) : first;
  if (!Number.isInteger(count) || count < 0 || count > kernels.length) {
    throw new UserError(
      `first is a share of at least 0 and below 1, or a number of ${model.name}'s ${kernels.length} kernels, got ${first}`,
    );
  }
  const chosen = kernels.slice(0, count);
  const layers = model.layers.filter((layer) => layer.weights.some((weight) => chosen.includes(weight)));
  const norms = batchNorm
    ? layers
        .flatMap((layer) => consumersOf(model, layer))
        .filter((next): next is BatchNorm => next instanceof BatchNorm)
    : [];
  const weights: Weight[] = [...chosen, ...norms.flatMap((norm) => norm.trainableWeights)];
  for (const norm of norms) norm.frozen = true;

  return {
    name: 'freezing',
    frozen: weights.map(({ originalName }) => originalName),
    onGradients: (gradients) => {
      for (const weight of weights) {
        const { name } = weight.read() as tf.Variable;
        tf.dispose(gradients[name]);
        delete gradients[name];
      }
    },
    channelMasks: () => new Map(),
    summary: () => ({ frozen: weights.reduce((sum, weight) => sum + weight.read().size, 0) }),
    state: () => ({}),
    restore: () => undefined,
    dispose: () => {
      for (const norm of norms) norm.frozen = false;
    },
  };
}
