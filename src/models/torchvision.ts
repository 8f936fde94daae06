import * as tf from '@tensorflow/tfjs';
import { computedValues } from '../backend/readable.js';
import { UserError } from '../errors.js';

/** A convolution and its batch norm: the names of their weights here and, given both layers' names, in torchvision. */
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

/** The name that torchvision and timm have for a weight of `resnet18`; undefined for the head's. */
export const toTorchvision = (name: string): string | undefined => theirName.get(name);

/**
 * The name of the weight of `resnet18` that torchvision (and timm) call `name`: `layer2.0.downsample.1.running_mean` is
 * `stage2_block1_projection_bn/movingMean`. Convolution kernels there are [out, in, H, W], here [H, W, in, out].
 *
 * Undefined for what our network does not have: the head `fc` and `num_batches_tracked`.
 */
export const fromTorchvision = (name: string): string | undefined => ourName.get(name);

/** A tensor as a file holds it. */
export interface NamedTensor {
  shape: readonly number[];
  values: ArrayLike<number>;
}

/** Tensors of torchvision and timm that our network has no use for: its head is another one. */
const ignored = /(^fc\.(weight|bias)|\.num_batches_tracked)$/;

const listed = (names: readonly string[]): string =>
  `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;

/**
 * What wrappers put in front of every name: module. of DataParallel, model. of Lightning, and their like, also of each
 * other.
 */
function sharedPrefix(names: readonly string[]): string {
  const [prefix] = /^((module|model|net|network|backbone|encoder|resnet|_orig_mod)\.)*/.exec(names[0] ?? '') ?? [''];
  return names.every((name) => name.startsWith(prefix)) ? prefix : '';
}

/**
 * Gives the body of `resnet18` the weights of a file in torchvision's or timm's naming (they are the same for this
 * network); the head keeps its own. What a wrapper put in front of all names, such as `module.`, is left out.
 * Convolution kernels are turned from [out, in, H, W] to [H, W, in, out].
 *
 * Throws a UserError that names the tensors, if some are missing, unknown or of another shape; nothing has been changed
 * then.
 */
export function fillFromTorchvision(
  model: tf.LayersModel,
  tensors: ReadonlyMap<string, NamedTensor>,
  source: string,
): void {
  const prefix = sharedPrefix([...tensors.keys()]);
  const plain = (name: string): string => name.slice(prefix.length);
  const given = new Map(
    [...tensors].map(([name, tensor]) => [fromTorchvision(plain(name)) ?? plain(name), { name, tensor }]),
  );
  const wanted = model.weights.filter(({ originalName }) => !/^(hidden|logits)\//.test(originalName));
  const ours = new Set(wanted.map(({ originalName }) => originalName));
  const refuse = (what: string): never => {
    throw new UserError(`${source} does not hold a ResNet-18 as torchvision and timm name it: ${what}.`);
  };

  const missing = [...ours].filter((name) => !given.has(name));
  if (missing.length > 0) {
    const theirs = tensors.size > 0 ? `it has ${listed([...tensors.keys()])}, and` : 'it is empty:';
    refuse(`${theirs} no tensors for ${listed(missing.map((name) => prefix + toTorchvision(name)))}`);
  }
  const extra = [...given]
    .filter(([known, { name }]) => !ours.has(known) && !ignored.test(plain(name)))
    .map(([, { name }]) => name);
  if (extra.length > 0) refuse(`it also has ${listed(extra)}`);
  for (const weight of wanted) {
    const { name, tensor } = given.get(weight.originalName)!;
    const shape = weight.shape as number[];
    const theirs = shape.length === 4 ? [3, 2, 0, 1].map((axis) => shape[axis]) : shape;
    if (tensor.shape.join() !== theirs.join()) {
      refuse(`its tensor ${name} has the shape [${tensor.shape.join(', ')}], not [${theirs.join(', ')}]`);
    }
  }
  for (const weight of wanted) {
    const { shape, values } = given.get(weight.originalName)!.tensor;
    tf.tidy(() => {
      const tensor = tf.tensor(Float32Array.from(values), [...shape]);
      weight.write(shape.length === 4 ? tensor.transpose([2, 3, 1, 0]) : tensor);
    });
  }
}

/**
 * The body of a `resnet18` as torchvision and timm name it, kernels turned to [out, in, H, W], for `encodeSafetensors`:
 * what `fillFromTorchvision` reads. The head is left out.
 */
export function torchvisionTensors(model: tf.LayersModel): Map<string, { shape: number[]; values: Float32Array }> {
  return new Map(
    model.weights.flatMap((weight) => {
      const name = toTorchvision(weight.originalName);
      if (name === undefined) return [];
      const ours = weight.read();
      const kernel = ours.rank === 4;
      const values = computedValues(() => (kernel ? ours.transpose([3, 2, 0, 1]) : ours.clone()));
      return [[name, { shape: kernel ? [3, 2, 0, 1].map((axis) => ours.shape[axis]) : ours.shape, values }] as const];
    }),
  );
}
