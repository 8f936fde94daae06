import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { isBatchNorm, type BatchNormLayer } from '../graph/kernels.js';
import { weightNames } from '../graph/names.js';
import { networkGraph } from '../graph/networkGraph.js';
import type { Weight } from '../layers/layer.js';
import { somePrunableWeights } from './prunableWeights.js';
import type { Sparsifier } from './sparsifier.js';

/** Which kernels `freezeSparsifier` freezes. */
export interface FreezeOptions {
  /** How many of the first kernels are frozen: a number, or a share below 1, rounded up. */
  first: number;
  /** Whether the batch norm after a frozen kernel is frozen too, including running statistics. Default true. */
  batchNorm?: boolean;
}

/** Freezing, with the names of the frozen weights. */
export interface FreezeSparsifier extends Sparsifier {
  /** The frozen weights, as layer/weight. */
  readonly frozen: readonly string[];
}

/**
 * Keeps the first kernels of a network unchanged, bit for bit: their gradients are removed before the optimizer sees
 * them, so that neither momentum nor weight decay moves them. `dispose` lets them train again.
 *
 * Throws a UserError if `first` is out of range or chooses no kernel, and if it is unknown whether a layer's weight is
 * a kernel.
 */
export function freezeSparsifier(model: tf.LayersModel, { first, batchNorm = true }: FreezeOptions): FreezeSparsifier {
  const kernels = somePrunableWeights(model, 'freezing');
  const count = typeof first === 'number' && first < 1 ? Math.ceil(first * kernels.length) : first;
  if (!Number.isInteger(count) || count < 1 || count > kernels.length) {
    throw new UserError(
      `first must be a share above 0 and below 1, or a number of ${model.name}'s ${kernels.length} kernels; received ${first}.`,
    );
  }
  const chosen = kernels.slice(0, count);
  const { nodes } = networkGraph(model);
  const frozen = nodes.filter(({ layer }) => layer.weights.some((weight) => chosen.includes(weight)));
  const behind = frozen.flatMap(({ readers }) => readers.map(({ layer }) => layer)).filter(isBatchNorm);
  const norms = batchNorm ? [...new Set(behind)] : [];
  const weights: Weight[] = [...chosen, ...norms.flatMap((norm) => norm.trainableWeights)];
  return freezing(model, weights, norms);
}

function freezing(
  model: tf.LayersModel,
  weights: readonly Weight[],
  norms: readonly BatchNormLayer[],
): FreezeSparsifier {
  const names = weightNames(model);
  // Batch norms that were frozen before stay frozen after `dispose`.
  const held = norms.filter((norm) => !norm.frozen);
  for (const norm of held) norm.frozen = true;
  return {
    name: 'freezing',
    model,
    frozen: weights.map((weight) => names.get(weight)!),
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
    inSmaller: (smaller) =>
      freezing(
        smaller.model,
        weights.flatMap((weight) => smaller.weights.get(weight)?.weight ?? []),
        norms.flatMap((norm) => smaller.layers.get(norm) ?? []),
      ),
    dispose: () => {
      for (const norm of held) norm.frozen = false;
    },
  };
}
