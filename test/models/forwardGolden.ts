// What the golden files of whole networks have in common: a forward pass with its loss, and gradients in summary.
import * as tf from '@tensorflow/tfjs';
import { BatchNorm } from 'sparsebook/layers';
import { assertClose, fill, summarise, type GoldenArray, type GradientSummary } from '../goldens.ts';
import { weightsByName } from './modelWeights.ts';

/** The array that a text like `fill(seed=3190, shape=[4,3,32,32], scale=1.6, offset=0)` stands for. */
export function parseFill(text: string): GoldenArray {
  const number = (key: string): number => Number(new RegExp(`${key}=([-\\d.]+)`).exec(text)![1]);
  const shape = JSON.parse(/shape=(\[.*?\])/.exec(text)![1]) as number[];
  return fill({ shape, seed: number('seed'), scale: number('scale'), offset: number('offset') });
}

export interface ForwardPass {
  logits: tf.Tensor;
  crossEntropy: tf.Scalar;
  /** Cross-entropy + weightDecay / 2 * the sum of all squared kernel entries. */
  loss: tf.Scalar;
  /** Gradients of the loss by the names of the weights. */
  gradients: Map<string, tf.Tensor>;
}

/** A pass in training mode, batch norm normalising by the batch (and moving its statistics) or by its statistics. */
export function forwardPass(
  model: tf.LayersModel,
  x: tf.Tensor,
  labels: number[],
  { batchStatistics = true, weightDecay = 0 } = {},
): ForwardPass {
  for (const layer of model.layers) if (layer instanceof BatchNorm) layer.frozen = !batchStatistics;
  const weights = [...weightsByName(model)];
  let parts: { logits: tf.Tensor; crossEntropy: tf.Scalar } | undefined;
  const { value: loss, grads } = tf.variableGrads(() => {
    const logits = model.apply(x, { training: true }) as tf.Tensor;
    const classes = logits.shape.at(-1)!;
    const crossEntropy = tf.losses.softmaxCrossEntropy(tf.oneHot(labels, classes), logits).asScalar();
    parts = { logits: tf.keep(logits), crossEntropy: tf.keep(crossEntropy) };
    if (weightDecay === 0) return crossEntropy.clone();
    const squares = weights.filter(([name]) => name.endsWith('/kernel')).map(([, kernel]) => kernel.square().sum());
    return crossEntropy.add<tf.Scalar>(tf.addN(squares).mul(weightDecay / 2));
  });
  const gradients = weights.flatMap(([name, variable]): [string, tf.Tensor][] =>
    variable.name in grads ? [[name, grads[variable.name]]] : [],
  );
  return { ...parts!, loss, gradients: new Map(gradients) };
}

/** A gradient as a golden file summarises it; not every file gives the sum of magnitudes. */
export type Summary = Omit<GradientSummary, 'abs_sum'> & { abs_sum?: number };

/**
 * Norms within 2e-3; sum and first entries within 2e-3 of the norm unless said otherwise: the files' tolerance where no
 * ReLU input is near 0.
 */
export function assertGradients(
  goldens: Summary[],
  gradientOf: (golden: string) => Float32Array,
  { sum: ofNorm = 2e-3 } = {},
): void {
  for (const { name, l2, sum, abs_sum, first } of goldens) {
    const actual = summarise(name, gradientOf(name), first.length);
    const relative = { relative: 2e-3 };
    assertClose([actual.l2], [l2], relative, `${name} norm`);
    if (abs_sum !== undefined) assertClose([actual.abs_sum], [abs_sum], relative, `${name} sum of magnitudes`);
    assertClose([actual.sum], [sum], { absolute: ofNorm * l2 }, `${name} sum`);
    assertClose(actual.first, first, { absolute: 2e-3 * l2 }, `${name} first`);
  }
}
