import * as tf from '@tensorflow/tfjs';
import { type ImageSet, type ImageShape, imageShape, scaled, sizeOf, valuesOf, shapeOf } from '../data/imageSet.js';
import { UserError } from '../errors.js';
import { lastActivation } from './loss.js';

const shown = (shape: readonly (number | null)[]): string =>
  `[N, ${shape
    .slice(1)
    .map((side) => side ?? '?')
    .join(', ')}]`;

/** Activations with bounded values, which cannot make one class much likelier than the others: no logits. */
const boundedActivations = ['sigmoid', 'hardSigmoid', 'tanh', 'softsign', 'relu6'];

/**
 * Throws a UserError for a network that does not map one input, images, to one output, logits, or whose last activation
 * bounds its logits, and for a set whose shape or labels do not fit the network. Reads every label, so call it once per
 * set, not at every step.
 */
export function checkSet(model: tf.LayersModel, set: ImageSet): void {
  const { name, images, labels } = set;
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new UserError(
      `A network that is trained or evaluated must have one input and one output, images and logits; ${model.name} has ${model.inputs.length} ` +
        `inputs and ${model.outputs.length} outputs. Build a tf.model with one of each.`,
    );
  }
  const shape = imageShape(shapeOf(set), `The shape of ${name}`);
  const [input, output] = [model.inputs[0].shape, model.outputs[0].shape];
  const fits = input.length === 4 && shape.every((side, i) => side === (input[i + 1] ?? side));
  if (!fits) {
    throw new UserError(
      `The images must have the shape that ${model.name} takes, ${shown(input)}; those of ${name} have ${shown([null, ...shape])}. Build it for the shape of ` +
        'the images.',
    );
  }
  const classes = output[1];
  if (output.length !== 2 || classes === null) {
    throw new UserError(
      `${model.name} must give logits, [N, classes]; it gives ${shown(output)}. End it with a dense layer.`,
    );
  }
  const { layer, activation } = lastActivation(model);
  if (boundedActivations.includes(activation)) {
    throw new UserError(
      `${model.name} must give logits or the probabilities of a softmax, one for each class; ` +
        `its last layer ${layer} ends with ${activation}. Leave that activation out, or make it softmax; for yes or no, ` +
        'give the network two outputs.',
    );
  }
  if (images.length !== labels.length * valuesOf(shape)) {
    throw new UserError(
      `Each image must have ${valuesOf(shape)} bytes and a label; ${name} has ${images.length} bytes and ${labels.length} labels.`,
    );
  }
  if (labels.length === 0) throw new UserError(`${name} must have images; received none.`);
  const wrong = labels.findIndex((label) => !(Number.isInteger(label) && label >= 0 && label < classes));
  if (wrong < 0) return;
  throw new UserError(
    `A label must be the number of an output, 0 to ${classes - 1} for the ${classes} of ${model.name}; image ${wrong} of ${name} ` +
      `has the label ${labels[wrong]}. Build the network with as many classes as the data has, or correct the labels.`,
  );
}

/**
 * Throws a UserError for a factor on the images' height and width that is not a finite number above 0, and for a
 * network that takes images of one size only, such as one that flattens them.
 */
export function checkScales(model: tf.LayersModel, scales: readonly number[]): void {
  const full = model.inputs[0].shape.slice(1) as unknown as ImageShape;
  for (const scale of scales) {
    if (!(scale > 0 && scale < Infinity)) throw new UserError(`scales must be numbers above 0; received ${scale}.`);
    const shape = scaled(full, scale);
    try {
      tf.tidy(() => void model.apply(tf.zeros([1, ...shape])));
    } catch (error) {
      throw new UserError(
        `A network that is trained on images of several sizes must take any; ${model.name} does not take ${sizeOf(shape)} beside ` +
          `${sizeOf(full)}: ${(error as Error).message} Leave the other sizes out.`,
      );
    }
  }
}
