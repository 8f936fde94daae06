// Networks as users build them from tf.layers only, made narrow: methods, compaction, counting and exports must handle
// them.
import * as tf from '@tensorflow/tfjs';
import { Random } from 'sparsebook/backend/random.js';

const { layers: l } = tf;
type Symbolic = tf.SymbolicTensor;

const apply = (layer: tf.layers.Layer, ...inputs: Symbolic[]): Symbolic =>
  layer.apply(inputs.length === 1 ? inputs[0] : inputs) as Symbolic;

interface ConvOptions {
  kernel?: number;
  stride?: number;
  norm?: boolean;
  activation?: 'relu' | 'relu6' | 'swish' | 'linear';
}

const activate = (x: Symbolic, name: NonNullable<ConvOptions['activation']>): Symbolic => {
  if (name === 'linear') return x;
  if (name === 'relu6') return apply(l.reLU({ maxValue: 6 }), x);
  return apply(name === 'relu' ? l.reLU() : l.activation({ activation: name }), x);
};

function conv(x: Symbolic, filters: number, options: ConvOptions = {}): Symbolic {
  const { kernel = 3, stride = 1, norm = true, activation = 'relu' } = options;
  let y = apply(l.conv2d({ filters, kernelSize: kernel, strides: stride, padding: 'same', useBias: !norm }), x);
  if (norm) y = apply(l.batchNormalization(), y);
  return activate(y, activation);
}

function depthwise(x: Symbolic, options: ConvOptions = {}): Symbolic {
  const { kernel = 3, stride = 1, activation = 'relu6' } = options;
  const y = apply(l.depthwiseConv2d({ kernelSize: kernel, strides: stride, padding: 'same', useBias: false }), x);
  return activate(apply(l.batchNormalization({ axis: 3 }), y), activation);
}

const head = (x: Symbolic, classes: number): Symbolic =>
  apply(l.dense({ units: classes }), apply(l.globalAveragePooling2d({}), x));

/** VGG: 3x3 convolutions, max pooling, flattening, dense layers with dropout. 28x28x1 images, 3 classes. */
function vgg(): tf.LayersModel {
  const input = tf.input({ shape: [28, 28, 1] });
  let x = conv(conv(input, 4, { norm: false }), 6, { norm: false });
  x = apply(l.maxPooling2d({ poolSize: 2 }), x);
  x = apply(l.maxPooling2d({ poolSize: 2 }), conv(x, 8));
  x = apply(l.dropout({ rate: 0.2 }), apply(l.dense({ units: 10, activation: 'relu' }), apply(l.flatten(), x)));
  return tf.model({ name: 'vgg', inputs: input, outputs: apply(l.dense({ units: 3 }), x) });
}

/**
 * MobileNetV2: inverted residuals of 1x1, depthwise and linear 1x1 convolutions with ReLU6. 64x48x3 images, 100
 * classes.
 */
function mobileNetV2(): tf.LayersModel {
  const input = tf.input({ shape: [64, 48, 3] });
  const block = (x: Symbolic, filters: number, stride: number): Symbolic => {
    const from = x.shape.at(-1)!;
    const wide = depthwise(conv(x, 2 * from, { kernel: 1, activation: 'relu6' }), { stride });
    const y = conv(wide, filters, { kernel: 1, activation: 'linear' });
    return stride === 1 && filters === from ? apply(l.add(), x, y) : y;
  };
  let x = conv(input, 6, { stride: 2, activation: 'relu6' });
  for (const [filters, stride] of [
    [6, 1],
    [8, 2],
    [8, 1],
    [10, 2],
  ])
    x = block(x, filters, stride);
  return tf.model({ name: 'mobileNetV2', inputs: input, outputs: head(conv(x, 12, { kernel: 1 }), 100) });
}

/** SqueezeNet: fire modules (squeeze, two parallel expansions), and a last convolution that gives the logits. */
function squeezeNet(): tf.LayersModel {
  const input = tf.input({ shape: [32, 32, 3] });
  const fire = (x: Symbolic, squeeze: number, expand: number): Symbolic => {
    const s = conv(x, squeeze, { kernel: 1, norm: false });
    return apply(l.concatenate(), conv(s, expand, { kernel: 1, norm: false }), conv(s, expand, { norm: false }));
  };
  let x = conv(input, 6, { stride: 2, norm: false });
  x = fire(fire(apply(l.maxPooling2d({ poolSize: 3, strides: 2 }), x), 3, 4), 4, 5);
  x = conv(apply(l.dropout({ rate: 0.5 }), x), 10, { kernel: 1, norm: false });
  return tf.model({ name: 'squeezeNet', inputs: input, outputs: apply(l.globalAveragePooling2d({}), x) });
}

/**
 * DenseNet: norm and ReLU before each convolution, whose output is concatenated with all earlier ones; a transition
 * between.
 */
function denseNet(): tf.LayersModel {
  const input = tf.input({ shape: [28, 28, 1] });
  const before = (x: Symbolic): Symbolic => activate(apply(l.batchNormalization(), x), 'relu');
  const grow = (x: Symbolic): Symbolic => {
    const y = conv(before(x), 8, { kernel: 1 });
    return apply(l.concatenate(), x, conv(y, 4, { norm: false, activation: 'linear' }));
  };
  let x = grow(grow(conv(input, 6, { stride: 2, norm: false, activation: 'linear' })));
  x = conv(before(x), 7, { kernel: 1, norm: false, activation: 'linear' });
  x = grow(apply(l.averagePooling2d({ poolSize: 2 }), x));
  return tf.model({ name: 'denseNet', inputs: input, outputs: head(before(x), 10) });
}

/** Squeeze and excite with swish: a branch of dense layers scales the channels of a residual block. */
function squeezeExcite(): tf.LayersModel {
  const input = tf.input({ shape: [32, 32, 3] });
  const excite = (x: Symbolic): Symbolic => {
    const channels = x.shape.at(-1)!;
    const mean = apply(l.reshape({ targetShape: [1, 1, channels] }), apply(l.globalAveragePooling2d({}), x));
    const small = apply(l.conv2d({ filters: 3, kernelSize: 1, activation: 'swish' }), mean);
    return apply(l.multiply(), x, apply(l.conv2d({ filters: channels, kernelSize: 1, activation: 'sigmoid' }), small));
  };
  const block = (x: Symbolic, filters: number, stride: number): Symbolic => {
    const y = excite(conv(conv(x, filters, { stride, activation: 'swish' }), filters, { activation: 'linear' }));
    const way = stride === 1 ? x : conv(x, filters, { kernel: 1, stride, activation: 'linear' });
    return activate(apply(l.add(), way, y), 'swish');
  };
  const x = block(block(conv(input, 6, { stride: 2, activation: 'swish' }), 6, 1), 8, 2);
  return tf.model({ name: 'squeezeExcite', inputs: input, outputs: head(x, 10) });
}

/**
 * U-Net: down by strides, up by a transposed convolution and by upsampling, with skip connections; two values for each
 * pixel.
 */
function uNet(): tf.LayersModel {
  const input = tf.input({ shape: [32, 24, 3] });
  const top = conv(input, 5);
  const middle = conv(top, 6, { stride: 2 });
  const bottom = conv(middle, 8, { stride: 2 });
  const up = apply(l.conv2dTranspose({ filters: 6, kernelSize: 2, strides: 2, padding: 'same' }), bottom);
  const joined = conv(apply(l.concatenate(), middle, activate(apply(l.batchNormalization(), up), 'relu')), 6);
  const full = conv(apply(l.concatenate(), top, apply(l.upSampling2d({ size: [2, 2] }), joined)), 5);
  return tf.model({ name: 'uNet', inputs: input, outputs: apply(l.conv2d({ filters: 2, kernelSize: 1 }), full) });
}

/** Two inputs of different sizes, joined by the average, the maximum and a product; two heads. */
function twoInputsTwoHeads(): tf.LayersModel {
  const image = tf.input({ shape: [16, 16, 3], name: 'image' });
  const depth = tf.input({ shape: [16, 16, 1], name: 'depth' });
  const a = conv(image, 6);
  const separable = apply(l.separableConv2d({ filters: 6, kernelSize: 3, padding: 'same', depthMultiplier: 2 }), depth);
  const b = apply(l.prelu({ sharedAxes: [1, 2] }), apply(l.batchNormalization(), separable));
  const mean = conv(apply(l.average(), a, b), 6, { stride: 2 });
  const most = conv(apply(l.maximum(), a, b), 6, { stride: 2 });
  const both = apply(l.multiply(), mean, most);
  return tf.model({ name: 'twoInputsTwoHeads', inputs: [image, depth], outputs: [head(both, 4), head(mean, 3)] });
}

/** A nested network, whose features are also read. */
function nested(): tf.LayersModel {
  const inner = tf.input({ shape: [14, 14, 6] });
  const features = tf.model({ name: 'features', inputs: inner, outputs: conv(conv(inner, 6), 8, { stride: 2 }) });
  const input = tf.input({ shape: [28, 28, 1] });
  const stem = conv(input, 6, { stride: 2, norm: false });
  return tf.model({ name: 'nested', inputs: input, outputs: head(conv(apply(features, stem), 8, { kernel: 1 }), 10) });
}

/**
 * ConvNeXt: large depthwise kernels, layer normalisation, wide dense layers at each position; bytes are scaled and
 * borders cropped inside. 30x30x3 images, 10 classes.
 */
function convNext(): tf.LayersModel {
  const input = tf.input({ shape: [30, 30, 3] });
  const block = (x: Symbolic): Symbolic => {
    const channels = x.shape.at(-1)!;
    const y = apply(l.layerNormalization(), apply(l.depthwiseConv2d({ kernelSize: 5, padding: 'same' }), x));
    const wide = apply(l.dense({ units: 3 * channels, activation: 'gelu' }), y);
    return apply(l.add(), x, apply(l.dense({ units: channels }), wide));
  };
  let x = apply(l.rescaling({ scale: 1 / 4, offset: -0.5 }), input);
  x = block(
    conv(
      apply(
        l.cropping2D({
          cropping: [
            [1, 1],
            [2, 0],
          ],
        }),
        x,
      ),
      6,
      { stride: 2 },
    ),
  );
  x = apply(l.rescaling({ scale: 2, offset: 0.1 }), conv(x, 8, { stride: 2 }));
  return tf.model({ name: 'convNext', inputs: input, outputs: head(conv(x, 6), 10) });
}

/**
 * Each call gives new weights; `randomWeights` makes them like those of a trained network. The caller disposes the
 * network.
 */
export const plainNetworks: Readonly<Record<string, () => tf.LayersModel>> = {
  vgg,
  mobileNetV2,
  squeezeNet,
  denseNet,
  squeezeExcite,
  uNet,
  twoInputsTwoHeads,
  nested,
  convNext,
};

/** Sets every weight from a seed to values as after training: no bias, shift or running mean is 0, no variance 1. */
export function randomWeights(model: tf.LayersModel, seed = 1): tf.LayersModel {
  const random = new Random(seed);
  tf.tidy(() => {
    for (const weight of model.weights) {
      const shape = weight.shape as number[];
      const part = weight.originalName.split('/').at(-1)!;
      const fanIn = Math.max(
        1,
        shape.slice(0, -1).reduce((n, side) => n * side, 1),
      );
      const value = (): number => {
        const u = 2 * random.next() - 1;
        if (/variance$/i.test(part)) return 1 + 0.5 * u;
        if (part === 'gamma') return 1 + 0.5 * u;
        return part.includes('kernel') ? u * Math.sqrt(6 / fanIn) : 0.3 * u;
      };
      const size = shape.reduce((n, side) => n * side, 1);
      weight.write(tf.tensor(Float32Array.from({ length: size }, value), shape));
    }
  });
  return model;
}
