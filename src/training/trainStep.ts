import * as tf from '@tensorflow/tfjs';
import { readable } from '../backend/readable.js';
import type { Batch } from '../data/batches.js';
import { weightNames } from '../graph/names.js';
import { inputOf, isRight, logitsOf, type Loss } from './loss.js';
import type { TrainedParts } from './checkpoint/trainedState.js';
import { beforePass } from './statistics.js';

interface StepContext extends TrainedParts {
  loss: Loss;
  /** Seed for layers that draw random numbers and have no seed of their own, such as dropout. */
  seed: number;
}

/** The values of a step, measured before its update. */
export interface StepResult {
  loss: number;
  crossEntropy: number;
  penalty: number;
  accuracy: number;
}

/**
 * Forward, backward and update for one batch, at `factor` times the base learning rates. If the loss is not finite, the
 * model is not changed. Leaves no tensors behind except the optimizer's memory.
 */
export async function trainStep(context: StepContext, batch: Batch, factor: number): Promise<StepResult> {
  const { model, optimizer, sparsifier } = context;
  const names = weightNames(model);
  const variables = new Map(model.trainableWeights.map((w) => [names.get(w)!, w.read() as tf.Variable]));
  const memory = beforePass(model);
  const { gradients, measured } = gradientsOf(context, batch, [...variables.values()]);
  const [loss, crossEntropy, penalty, right] = await measured.data();
  measured.dispose();
  if (Number.isFinite(loss)) {
    sparsifier?.onGradients?.(gradients, optimizer.remembersDecay);
    const ownRates = new Map(
      (sparsifier?.parameterGroups ?? []).flatMap(({ variables, lr }) => variables.map((v) => [v, lr] as const)),
    );
    optimizer.step(
      [...variables].flatMap(([key, variable]) => {
        const gradient = gradients[variable.name] as tf.Tensor | undefined;
        return gradient ? [{ key, variable, gradient, lr: factor * (ownRates.get(variable) ?? optimizer.lr) }] : [];
      }),
    );
    if (sparsifier?.readsAfterStep) await readable();
    sparsifier?.afterStep?.(factor * optimizer.lr, factor);
  } else {
    memory.undo();
  }
  memory.dispose();
  tf.dispose(gradients);
  return { loss, crossEntropy, penalty, accuracy: right / batch.size };
}

function gradientsOf(
  { model, loss, sparsifier, seed }: StepContext,
  batch: Batch,
  variables: tf.Variable[],
): { gradients: tf.NamedTensorMap; measured: tf.Tensor1D } {
  return tf.tidy(() => {
    const { x, labels } = inputOf(batch);
    let parts: tf.Scalar[] = [];
    const { value, grads } = tf.variableGrads(() => {
      const logits = logitsOf(model, x, { training: true, seed });
      const crossEntropy = loss(logits, labels);
      const penalty = penaltyOf(model, sparsifier);
      // Kept because variableGrads tidies away everything except the loss.
      parts = [crossEntropy, penalty, isRight(logits, labels).sum<tf.Scalar>()].map((part) => tf.keep(part));
      return crossEntropy.add<tf.Scalar>(penalty);
    }, variables);
    const measured = tf.stack([value, ...parts]) as tf.Tensor1D;
    tf.dispose(parts);
    return { gradients: grads, measured };
  });
}

/** The penalty of the sparsity method plus those of the layers' regularizers, as in tf's own training. */
function penaltyOf(model: tf.LayersModel, sparsifier: StepContext['sparsifier']): tf.Scalar {
  const penalty = sparsifier?.penalty?.() ?? tf.scalar(0);
  const ofLayers = model.calculateLosses();
  return ofLayers.length === 0 ? penalty : tf.addN([penalty, ...ofLayers]).asScalar();
}

/** The means of some steps over their images. */
export function meansOf(steps: readonly { result: StepResult; images: number }[]): StepResult {
  const images = steps.reduce((sum, step) => sum + step.images, 0);
  const mean = (of: keyof StepResult): number =>
    steps.reduce((sum, step) => sum + step.images * step.result[of], 0) / images;
  return {
    loss: mean('loss'),
    crossEntropy: mean('crossEntropy'),
    penalty: mean('penalty'),
    accuracy: mean('accuracy'),
  };
}
