import * as tf from '@tensorflow/tfjs';
import { single, type LayerOptions } from './layer.js';
import { checkPadding, outputSides, tfPadding, type Padding } from './padding.js';
import { check, wholeNumber } from '../rules.js';

/** Options of a `MaxPool2d`. */
export interface MaxPool2dOptions extends LayerOptions {
  /** Side of the square window. */
  poolSize: number;
  /** Default: poolSize. */
  strides?: number;
  /** A number is PyTorch's padding, which is never the largest value; default 0. */
  padding?: Padding;
}

/**
 * The largest value of each window, with explicit padding: [N, H, W, C] to [N, H', W', C]. Throws a UserError for
 * options out of range, for an invalid padding, and for one as large as the window.
 */
export class MaxPool2d extends tf.layers.Layer {
  static className = 'MaxPool2d';
  readonly poolSize: number;
  readonly strides: number;
  readonly padding: Padding;

  constructor(options: MaxPool2dOptions) {
    super(options);
    this.poolSize = options.poolSize;
    this.strides = options.strides ?? options.poolSize;
    this.padding = options.padding ?? 0;
    this.inputSpec = [{ ndim: 4 }];
    for (const key of ['poolSize', 'strides'] as const) {
      check(`${this.name}: ${key}`, this[key], wholeNumber({ min: 1 }));
    }
    checkPadding(this.padding, this.name, this.poolSize);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.maxPool(single(inputs) as tf.Tensor4D, this.poolSize, this.strides, tfPadding(this.padding));
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const shape = inputShape as tf.Shape;
    return [shape[0], ...outputSides(shape, this.poolSize, this.strides, this.padding), shape[3]];
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { poolSize, strides, padding } = this;
    return { ...super.getConfig(), poolSize, strides, padding };
  }
}
tf.serialization.registerClass(MaxPool2d);
