import * as tf from '@tensorflow/tfjs';
import { type ImageSet, type ImageShape, imageShape, scaled, sizeOf, valuesOf, shapeOf } from '../data/imageSet.js';
import { UserError } from '../errors.js';
import { lastActivation } from './loss.js';

const shown = (shape: readonly (number | null)[]): string =>
  `[N, ${shape
    .slice(1)
    .map((side) => side ?? '?')
    .join(', ')}]`;

/** Activations whose values are no logits: between bounds, no class can be much likelier than the others. */
const boundedActivations = ['sigmoid', 'hardSigmoid', 'tanh', 'softsign', 'relu6'];

/**
 * Refuses a network that cannot be asked about images, or whose last activation bounds what should be logits, and a set
 * of another shape than it takes or with labels that it has no outputs for. Throws a UserError; looks at each label
 * once, so it is called once for a set and not at every step.
 */
export function checkSet(model: tf.LayersModel, set: ImageSet): void {
  const { name, images, labels } = set;
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new UserError(
      `A network that is trained or evaluated must have one input and one output, images and logits; ${model.name} has ${model.inputs.length} ` +
        `inputs and ${model.outputs.length} outputs. Make a model of one input and one output of it.`,
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
      `${model.name} must give logits or the probabilities of a softmax, one for each class, of which an image has one; ` +
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
 * Refuses factors on the images' height and width in training that are none, and a network that takes images of one
 * size alone, such as one that flattens them. Throws a UserError.
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
