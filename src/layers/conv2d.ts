import * as tf from '@tensorflow/tfjs';
import { convBias, hasKernel } from '../backend/fusedOps.js';
import { check, oneOf, wholeNumber } from '../rules.js';
import { checkActivation, single, type Activation, type CallOptions, type LayerOptions, type Weight } from './layer.js';
import { checkPadding, outputSides, tfPadding, type Padding } from './padding.js';
import { initialConvolution, initializerNames, type InitializerName } from './seededInitializer.js';

/** Options of a `Conv2d`. */
export interface Conv2dOptions extends LayerOptions {
  /** Number of output channels. */
  filters: number;
  /** Side of the square window. */
  kernelSize: number;
  strides?: number;
  /** A number is PyTorch's padding; 'same' is TensorFlow's, which is asymmetric at stride 2. Default 0. */
  padding?: Padding;
  useBias?: boolean;
  /**
   * 'relu' or 'relu6' applies that function after the convolution; a backend can do both in one pass. Default 'linear'.
   */
  activation?: Activation;
  /** How the weights are initialised. Default 'kaimingNormal'. */
  initializer?: InitializerName;
  /** Seed of the initial values. */
  seed?: number;
}

/**
 * Two-dimensional convolution with explicit padding: [N, H, W, Cin] to [N, H', W', filters]. Weights: kernel
 * [kernelSize, kernelSize, Cin, filters] and bias [filters]. Throws a UserError for options out of range.
 */
export class Conv2d extends tf.layers.Layer {
  static className = 'Conv2d';
  readonly filters: number;
  readonly kernelSize: number;
  readonly strides: number;
  readonly padding: Padding;
  readonly useBias: boolean;
  readonly activation: Activation;
  readonly initializer: InitializerName;
  readonly seed: number;
  private kernelWeight!: Weight;
  private biasWeight?: Weight;

  constructor(options: Conv2dOptions) {
    super(options);
    this.filters = options.filters;
    this.kernelSize = options.kernelSize;
    this.strides = options.strides ?? 1;
    this.padding = options.padding ?? 0;
    this.useBias = options.useBias ?? true;
    this.activation = options.activation ?? 'linear';
    this.initializer = options.initializer ?? 'kaimingNormal';
    this.seed = options.seed ?? 0;
    this.inputSpec = [{ ndim: 4 }];
    checkPadding(this.padding, this.name);
    checkActivation(this.activation, this.name);
    check(`${this.name}: initializer`, this.initializer, oneOf(...initializerNames));
    for (const key of ['filters', 'kernelSize', 'strides'] as const) {
      check(`${this.name}: ${key}`, this[key], wholeNumber({ min: 1 }));
    }
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const channels = (inputShape as tf.Shape)[3];
    check(`${this.name}: the number of input channels`, channels, wholeNumber({ min: 1 }));
    const { kernelSize: k, filters } = this;
    const shape = [k, k, channels, filters];
    const { kernel, bias } = initialConvolution(this.initializer, this.seed, shape);
    this.kernelWeight = this.addWeight('kernel', shape, 'float32', kernel);
    if (this.useBias) this.biasWeight = this.addWeight('bias', [filters], 'float32', bias);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], options: CallOptions): tf.Tensor {
    return tf.tidy(() => {
      const bias = this.biasWeight?.read() as tf.Tensor1D | undefined;
      const y = convolve(single(inputs) as tf.Tensor4D, this.filter(options), bias, this.strides, this.padding);
      return this.activation === 'linear' ? y : y[this.activation]();
    });
  }

  /** The filter of this call, [K, K, Cin, filters]: the kernel itself, not to be disposed. */
  protected filter(_options: CallOptions): tf.Tensor4D {
    return this.kernelWeight.read() as tf.Tensor4D;
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const shape = inputShape as tf.Shape;
    return [shape[0], ...outputSides(shape, this.kernelSize, this.strides, this.padding), this.filters];
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { filters, kernelSize, strides, padding, useBias, activation, initializer, seed } = this;
    return { ...super.getConfig(), filters, kernelSize, strides, padding, useBias, activation, initializer, seed };
  }
}
tf.serialization.registerClass(Conv2d);

/**
 * Convolution plus bias: x [N, H, W, Cin], filter [K, K, Cin, Cout], bias [Cout] or none, to [N, H', W', Cout]. The
 * caller disposes the result.
 */
export function convolve(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D | undefined,
  strides: number,
  padding: Padding,
): tf.Tensor4D {
  const pad = tfPadding(padding);
  if (bias && hasKernel('ConvBias')) return convBias({ x, filter, bias }, { strides, pad });
  return tf.tidy(() => {
    const y = tf.conv2d(x, filter, strides, pad);
    return bias ? y.add(bias) : y;
  });
}
