import * as tf from '@tensorflow/tfjs';
import { computedValues } from '../backend/readable.js';
import { UserError } from '../errors.js';
import type { Weight } from '../layers/layer.js';

/** The names of the weights of a convolution and its batch norm, here and in torchvision. */
const unit = (ours: string, conv: string, bn: string): [ours: string, theirs: string][] => [
  [`${ours}_conv/kernel`, `${conv}.weight`],
  [`${ours}_bn/gamma`, `${bn}.weight`],
  [`${ours}_bn/beta`, `${bn}.bias`],
  [`${ours}_bn/movingMean`, `${bn}.running_mean`],
  [`${ours}_bn/movingVariance`, `${bn}.running_var`],
];

const names = [1, 2, 3, 4].flatMap((stage) =>
  [1, 2].flatMap((block) => {
    const [ours, theirs] = [`stage${stage}_block${block}`, `layer${stage}.${block - 1}`];
    return [
      ...unit(`${ours}_first`, `${theirs}.conv1`, `${theirs}.bn1`),
      ...unit(`${ours}_second`, `${theirs}.conv2`, `${theirs}.bn2`),
      ...(stage > 1 && block === 1
        ? unit(`${ours}_projection`, `${theirs}.downsample.0`, `${theirs}.downsample.1`)
        : []),
    ];
  }),
);
names.unshift(...unit('stem', 'conv1', 'bn1'));
const [theirName, ourName] = [new Map(names), new Map(names.map(([ours, theirs]) => [theirs, ours]))];

/** The name of a weight of `resnet18` in torchvision and timm; undefined for the head and for gates. */
export const toTorchvision = (name: string): string | undefined => theirName.get(name);

/**
 * Our name for the weight of `resnet18` that torchvision and timm call `name`: `layer2.0.downsample.1.running_mean` is
 * `stage2_block1_projection_bn/movingMean`. Convolution kernels there are [out, in, H, W], here [H, W, in, out].
 *
 * Undefined for weights that our network does not have: the head `fc` and `num_batches_tracked`.
 */
export const fromTorchvision = (name: string): string | undefined => ourName.get(name);

/** Weights that torchvision has no name for, and that keep their own values: the head and gates. */
const ownWeights = /^(hidden|logits)\/|\/logAlpha$/;

function theirShape({ shape }: Weight): number[] {
  return (shape.length === 4 ? [3, 2, 0, 1].map((axis) => shape[axis]) : shape) as number[];
}

/** The weights of a `resnet18` with torchvision names, by those names. Throws a UserError for any other network. */
function bodyOf(model: tf.LayersModel): Map<string, Weight> {
  const weights = model.weights.filter(({ originalName }) => !ownWeights.test(originalName));
  const strange = weights.find(({ originalName }) => !theirName.has(originalName));
  const body = new Map(weights.map((weight) => [theirName.get(weight.originalName)!, weight]));
  const missing = names.find(([, theirs]) => !body.has(theirs));
  if (!strange && !missing) return body;
  throw new UserError(
    `The network must be a resnet18 with all of its layers, and without others; received ${model.name}, which has ` +
      `${strange ? `a weight ${strange.originalName}` : `no ${missing![0]}`}. Save another one with saveSafetensors.`,
  );
}

/** A tensor as a file holds it. */
export interface NamedTensor {
  shape: readonly number[];
  values: ArrayLike<number>;
}

/** Tensors of torchvision and timm that our network does not use: its head is a different one. */
const ignored = /(^fc\.(weight|bias)|\.num_batches_tracked)$/;

const listed = (names: readonly string[]): string =>
  `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;

/**
 * The prefix that wrappers put before every name, such as module. of DataParallel or model. of Lightning; also several
 * in a row.
 */
function sharedPrefix(names: readonly string[]): string {
  const [prefix] = /^((module|model|net|network|backbone|encoder|resnet|_orig_mod)\.)*/.exec(names[0] ?? '') ?? [''];
  return names.every((name) => name.startsWith(prefix)) ? prefix : '';
}

/**
 * Writes the weights of a file with torchvision's or timm's names (the same for this network) to the body of a
 * `resnet18`; the head and gates keep their own weights. A prefix that a wrapper put before all names, such as
 * `module.`, is ignored. Convolution kernels are transposed from [out, in, H, W] to [H, W, in, out].
 *
 * Throws a UserError for a network that is not a `resnet18`, and one that names the tensors if some are missing,
 * unknown or of another shape; the network is then unchanged.
 */
export function fillFromTorchvision(
  model: tf.LayersModel,
  tensors: ReadonlyMap<string, NamedTensor>,
  source: string,
): void {
  const body = bodyOf(model);
  const prefix = sharedPrefix([...tensors.keys()]);
  const refuse = (what: string): never => {
    throw new UserError(`${source} does not hold a ResNet-18 as torchvision and timm name it: ${what}.`);
  };
  const missing = [...body.keys()].map((name) => prefix + name).filter((name) => !tensors.has(name));
  if (missing.length > 0) {
    const theirs = tensors.size > 0 ? `it has ${listed([...tensors.keys()])}, and` : 'it is empty:';
    refuse(`${theirs} no tensors for ${listed(missing)}`);
  }
  const plain = (name: string): string => name.slice(prefix.length);
  const extra = [...tensors.keys()].filter((name) => !body.has(plain(name)) && !ignored.test(plain(name)));
  if (extra.length > 0) refuse(`it also has ${listed(extra)}`);
  for (const [name, weight] of body) {
    const { shape } = tensors.get(prefix + name)!;
    const theirs = theirShape(weight);
    if (shape.join() !== theirs.join()) {
      refuse(`its tensor ${prefix + name} has the shape [${shape.join(', ')}], not [${theirs.join(', ')}]`);
    }
  }
  for (const [name, weight] of body) {
    const { shape, values } = tensors.get(prefix + name)!;
    tf.tidy(() => {
      const tensor = tf.tensor(Float32Array.from(values), [...shape]);
      weight.write(shape.length === 4 ? tensor.transpose([2, 3, 1, 0]) : tensor);
    });
  }
}

/**
 * The body of a `resnet18` with the names of torchvision and timm and kernels transposed to [out, in, H, W], for
 * `encodeSafetensors`; `fillFromTorchvision` reads it. The head and gates are left out. Throws a UserError for any
 * other network.
 */
export function torchvisionTensors(model: tf.LayersModel): Map<string, { shape: number[]; values: Float32Array }> {
  return new Map(
    [...bodyOf(model)].map(([name, weight]) => {
      const ours = weight.read();
      const values = computedValues(() => (ours.rank === 4 ? ours.transpose([3, 2, 0, 1]) : ours.clone()));
      return [name, { shape: theirShape(weight), values }];
    }),
  );
}
