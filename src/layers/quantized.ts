import * as tf from '@tensorflow/tfjs';
import { quantizedConv, type Grid } from '../backend/fusedOps.js';
import { UserError } from '../errors.js';
import { checkActivation, single, type Activation, type LayerOptions, type Weight } from './layer.js';
import { checkPadding, outputSides, tfPadding, type Padding } from './padding.js';

export interface QuantizedOptions extends LayerOptions {
  /** 'linear' or 'relu'. Default 'linear'. */
  activation?: Activation;
  /** The grid that inputs are rounded to: (code - zero) * scale, with codes 0 to 127. */
  input: Grid;
  /**
   * The grid that outputs are rounded to, if all layers that read them would do so; null does not round. Default null.
   */
  output?: Grid | null;
}

/** Whether a weight is the kernel of a quantized layer, whose values need a byte each. */
export function hasBytes({ dtype, originalName }: Weight): boolean {
  return dtype === 'int32' && /(^|\/)kernel$/.test(originalName);
}

/**
 * Base of the layers that compute with whole numbers. Weights: kernel (-127 to 127) and bias of int32, and scale
 * [outputs] of floats: 1 in the kernel stands for scale, 1 in the bias for scale * input.scale. Sums are exact, so all
 * backends give the same result. Not trainable.
 */
abstract class Quantized extends tf.layers.Layer {
  readonly activation: Activation;
  readonly inputGrid: Grid;
  readonly outputGrid: Grid | null;
  protected kernelWeight!: Weight;
  private biasWeight!: Weight;
  private scaleWeight!: Weight;

  constructor(options: QuantizedOptions) {
    super({ ...options, trainable: false });
    this.activation = options.activation ?? 'linear';
    checkActivation(this.activation, this.name, ['linear', 'relu']);
    this.inputGrid = checkedGrid(options.input, this.name);
    this.outputGrid = options.output ? checkedGrid(options.output, this.name) : null;
  }

  protected addWeights(kernel: number[]): void {
    const outputs = kernel.slice(-1);
    const zeros = tf.initializers.zeros();
    this.kernelWeight = this.addWeight('kernel', kernel, 'int32', zeros, undefined, false);
    this.biasWeight = this.addWeight('bias', outputs, 'int32', zeros, undefined, false);
    this.scaleWeight = this.addWeight('scale', outputs, 'float32', tf.initializers.ones(), undefined, false);
    this.built = true;
  }

  protected convolve(x: tf.Tensor4D, kernel: tf.Tensor4D, strides: number, padding: Padding): tf.Tensor4D {
    const [bias, scale] = [this.biasWeight, this.scaleWeight].map((weight) => weight.read() as tf.Tensor1D);
    const { inputGrid: input, outputGrid: output } = this;
    const relu = this.activation === 'relu';
    return quantizedConv({ x, kernel, bias, scale }, { strides, pad: tfPadding(padding), input, output, relu });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { activation, inputGrid: input, outputGrid: output } = this;
    return { ...super.getConfig(), activation, input: { ...input }, output: output && { ...output } };
  }
}

function checkedGrid(grid: Grid | undefined, layer: string): Grid {
  const { scale, zero } = Object(grid) as Grid;
  if (scale > 0 && Number.isFinite(scale) && Number.isInteger(zero) && zero >= 0 && zero <= 127) return { scale, zero };
  throw new UserError(
    `${layer}: a grid must have a scale above 0 and a zero of 0 to 127; received ${JSON.stringify(grid)}. Quantize the network anew.`,
  );
}

export interface QuantizedConv2dOptions extends QuantizedOptions {
  filters: number;
  kernelSize: number;
  strides?: number;
  padding?: Padding;
}

/** A Conv2d that computes with whole numbers: [N, H, W, Cin] to [N, H', W', filters]. */
export class QuantizedConv2d extends Quantized {
  static className = 'QuantizedConv2d';
  readonly filters: number;
  readonly kernelSize: number;
  readonly strides: number;
  readonly padding: Padding;

  constructor(options: QuantizedConv2dOptions) {
    super(options);
    this.filters = options.filters;
    this.kernelSize = options.kernelSize;
    this.strides = options.strides ?? 1;
    this.padding = options.padding ?? 0;
    this.inputSpec = [{ ndim: 4 }];
    checkPadding(this.padding, this.name);
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const { kernelSize: k, filters } = this;
    this.addWeights([k, k, (inputShape as tf.Shape)[3] ?? 0, filters]);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const kernel = this.kernelWeight.read() as tf.Tensor4D;
    return this.convolve(single(inputs) as tf.Tensor4D, kernel, this.strides, this.padding);
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const shape = inputShape as tf.Shape;
    return [shape[0], ...outputSides(shape, this.kernelSize, this.strides, this.padding), this.filters];
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { filters, kernelSize, strides, padding } = this;
    return { ...super.getConfig(), filters, kernelSize, strides, padding };
  }
}
tf.serialization.registerClass(QuantizedConv2d);

export interface QuantizedDenseOptions extends QuantizedOptions {
  units: number;
}

/** A dense layer that computes with whole numbers: [N, inputs] to [N, units]. */
export class QuantizedDense extends Quantized {
  static className = 'QuantizedDense';
  readonly units: number;

  constructor(options: QuantizedDenseOptions) {
    super(options);
    this.units = options.units;
    this.inputSpec = [{ ndim: 2 }];
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    this.addWeights([(inputShape as tf.Shape)[1] ?? 0, this.units]);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = single(inputs);
      const [n, width] = x.shape;
      const kernel = this.kernelWeight.read().reshape<tf.Tensor4D>([1, 1, width, this.units]);
      return this.convolve(x.reshape([n, 1, 1, width]), kernel, 1, 0).reshape([n, this.units]);
    });
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    return [(inputShape as tf.Shape)[0], this.units];
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), units: this.units };
  }
}
tf.serialization.registerClass(QuantizedDense);
