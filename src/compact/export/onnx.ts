import * as tf from '@tensorflow/tfjs';
import { weightOf } from '../../graph/kernels.js';
import { networkGraph, type LayerNode } from '../../graph/networkGraph.js';
import type { BiasMap } from '../../layers/biasMap.js';
import type { Gate } from '../../layers/gate.js';
import { QuantizedDense, type QuantizedConv2d } from '../../layers/quantized.js';
import { writeFileWhole, type FileKind } from '../../platform/writeFile.js';
import { activations } from './onnxActivations.js';
import { channelsFirst, channelsLast, elemTypes, OnnxGraph, Place, type OnnxAttributes } from './onnxGraph.js';

/**
 * Returns a network at inference as the bytes of an ONNX file. Inputs and outputs are named after their layers and keep
 * our order, images [N, H, W, C]; inside, channels come first. Gates become multiplications by their masks. Nested
 * networks are flattened, and a layer that is used twice is written twice.
 *
 * Throws a UserError for a layer that has no operator in ONNX.
 */
export function encodeOnnx(model: tf.LayersModel): Uint8Array {
  const { nodes, inputs, outputs } = networkGraph(model);
  const graph = new OnnxGraph();
  const names = new Map<LayerNode, string>();
  for (const node of inputs) {
    const dtype = node.layer.dtype ?? 'float32';
    const place = new Place(graph, node, [graph.addInput(node.name, node.outputShape, dtype)]);
    if (dtype !== 'float32' && dtype !== 'int32') throw place.refusal(`its numbers are ${dtype}`);
    const x = dtype === 'float32' ? place.x : place.add('Cast', [place.x], { to: elemTypes.float });
    names.set(node, place.transpose(x, place.rank, channelsFirst));
  }
  for (const node of nodes.filter((each) => !inputs.includes(each))) {
    const from = node.inputs.map((input) => names.get(input)!);
    names.set(node, write(new Place(graph, node, from)));
  }
  for (const node of outputs) {
    const x = names.get(node)!;
    const own = `${node.name}_output`;
    const isImage = node.outputShape.length === 4;
    const y = isImage ? graph.add('Transpose', [x], own, { perm: channelsLast }) : graph.add('Identity', [x], own);
    graph.addOutput(y, node.outputShape);
  }
  return graph.encode(model.name);
}

/** An ONNX file begins with the field that holds its version. */
export const onnxFile: FileKind = { name: 'an ONNX file', isOne: (head) => head[0] === 0x08 && head[1] < 0x80 };

/** Saves a network as an ONNX file, completely or not at all. Writes and throws as `encodeOnnx` does. */
export async function saveOnnx(model: tf.LayersModel, path: string): Promise<void> {
  await writeFileWhole(path, encodeOnnx(model), onnxFile);
}

/** Adds the operators of a layer and then its activation; returns the name of the output. */
function write(place: Place): string {
  const { node, config } = place;
  const kind = node.layer.getClassName();
  const { activation = 'linear' } = config as { activation?: string };
  if (!Object.hasOwn(writers, kind)) throw place.refusal(`its class is not one of ${Object.keys(writers).join(', ')}`);
  if (!Object.hasOwn(activations, activation)) {
    throw place.refusal(
      `its activation ${JSON.stringify(activation)} is not one of ${Object.keys(activations).join(', ')}`,
    );
  }
  if (node.tensors !== 1) throw place.refusal('it gives more than one tensor');
  if (config.dataFormat === 'channelsFirst') throw place.refusal('its channels are not on the last axis');
  return activations[activation](place, writers[kind](place));
}

type Writer = (place: Place) => string;

/** Adds no operator: the layer acts only in training, or is nothing but an activation. */
const pass: Writer = (place) => place.x;

const convolution: Writer = (place) => {
  const gate = place.node.layer.getClassName() === 'GatedConv2d' ? (place.node.layer as unknown as Gate) : undefined;
  const kernel = place.weight('kernel', (weight) =>
    (gate ? weight.mul(gate.inferenceMask()) : weight).transpose([3, 2, 0, 1]),
  );
  return place.add('Conv', [place.x, kernel, ...place.bias()], { ...place.window(), ...place.dilations() });
};

/** A depthwise convolution: the kernel [h, w, C, M] becomes [C M, 1, h, w]. */
function depthwise(place: Place, bias: string[], attributes: OnnxAttributes = {}): string {
  const kernel = place.weight('depthwiseKernel', (weight) => {
    const [height, width, channels, multiplier] = weight.shape;
    return weight.transpose([2, 3, 0, 1]).reshape([channels * multiplier, 1, height, width]);
  });
  const group = place.node.inputShapes[0].at(-1)!;
  return place.add('Conv', [place.x, kernel, ...bias], { ...place.window(), ...attributes, group });
}

const transposedConvolution: Writer = (place) => {
  const kernel = place.weight('kernel', (weight) => weight.transpose([3, 2, 0, 1]));
  const window = place.window();
  // A window smaller than its stride skips positions, which padding adds.
  const output_padding = window.kernel_shape.map((size, axis) => Math.max(0, window.strides[axis] - size));
  return place.add('ConvTranspose', [place.x, kernel, ...place.bias()], { ...window, output_padding });
};

const dense: Writer = (place) => {
  if (place.rank === 2) return place.add('Gemm', [place.x, place.weight('kernel'), ...place.bias()]);
  if (place.rank === 4) {
    const kernel = place.weight('kernel', (weight) => weight.transpose().expandDims(-1).expandDims(-1));
    return place.add('Conv', [place.x, kernel, ...place.bias()]);
  }
  const product = place.add('MatMul', [place.x, place.weight('kernel')]);
  return place.bias().reduce((x, bias) => place.add('Add', [x, bias]), product);
};

/**
 * Quantized layers as ONNX writes them: inputs go through QuantizeLinear and DequantizeLinear, weights through
 * DequantizeLinear. Outputs need neither: if a layer rounds its output, all of its readers round it in the same way.
 */
const quantized: Writer = (place) => {
  const { layer } = place.node as { layer: QuantizedConv2d | QuantizedDense } & LayerNode;
  const { scale, zero } = layer.inputGrid;
  const dense = layer instanceof QuantizedDense;
  const grid = [place.scalar(scale), place.tensor('zero', () => tf.scalar(zero, 'int32'), Int8Array)];
  // 8 bits hold a wider range than the 7 bits of a code.
  const held = place.add('Clip', [place.x, place.scalar(-zero * scale), place.scalar((127 - zero) * scale)]);
  const x = place.add('DequantizeLinear', [place.add('QuantizeLinear', [held, ...grid]), ...grid]);
  const [kernel, bias, steps] = ['kernel', 'bias', 'scale'].map((part) => weightOf(layer, part)!);
  const scales = place.weight('scale');
  const zeros = place.tensor('zeros', () => tf.zerosLike(steps.read()), Int8Array);
  const layout = (weight: tf.Tensor): tf.Tensor => (dense ? weight : weight.transpose([3, 2, 0, 1]));
  const codes = place.tensor('kernel', () => layout(kernel.read()), Int8Array);
  const weights = place.add('DequantizeLinear', [codes, scales, zeros], { axis: dense ? 1 : 0 });
  const sums = place.tensor('bias', () => bias.read(), Int32Array);
  const units = place.tensor('bias_scale', () => steps.read().mul(scale));
  const start = place.add('DequantizeLinear', [sums, units], { axis: 0 });
  return dense ? place.add('Gemm', [x, weights, start]) : place.add('Conv', [x, weights, start], place.window());
};

/** The factors and offsets of the channels in a norm over the last axis, and its epsilon. */
function normParts(place: Place): { scales: string[]; epsilon: { float: number } } {
  const { layer, outputShape } = place.node;
  const { axis = -1, epsilon } = place.config;
  if (place.axis(axis) !== 1) throw place.refusal(`its axis is ${JSON.stringify(axis)}`);
  const channels = outputShape.at(-1)!;
  const orElse = (part: string, value: number): string =>
    weightOf(layer, part) ? place.weight(part) : place.tensor(part, () => tf.fill([channels], value));
  return { scales: [orElse('gamma', 1), orElse('beta', 0)], epsilon: { float: epsilon as number } };
}

const norm: Writer = (place) => {
  const { scales, epsilon } = normParts(place);
  const moments = [place.weight('movingMean'), place.weight('movingVariance')];
  return place.add('BatchNormalization', [place.x, ...scales, ...moments], { epsilon });
};

const layerNorm: Writer = (place) => {
  const { scales, epsilon } = normParts(place);
  const x = place.transpose(place.x, place.rank, channelsLast);
  const y = place.add('LayerNormalization', [x, ...scales], { axis: -1, epsilon });
  return place.transpose(y, place.rank, channelsFirst);
};

const merge =
  (opType: string): Writer =>
  (place) => {
    // Inputs with fewer axes get the missing ones after the batch axis, as in tf.layers.
    const parts = place.inputs.map((x, i) => {
      const missing = place.rank - place.node.inputShapes[i].length;
      if (missing === 0) return x;
      const axes = Array.from({ length: missing }, (_, axis) => axis + 1);
      return place.transpose(place.add('Unsqueeze', [x, place.integers(axes)]), place.rank, channelsFirst);
    });
    if (opType === 'Mean') return place.add(opType, parts);
    return parts.reduce((sum, x) => place.add(opType, [sum, x]));
  };

const maxPool: Writer = (place) => place.add('MaxPool', [place.x], place.window());

const globalPool =
  (opType: string): Writer =>
  (place) =>
    place.add('Flatten', [place.add(opType, [place.x])], { axis: 1 });

/** Reshapes the values, in our order. */
const reshape: Writer = (place) => {
  const sides = place.node.outputShape.slice(1).map((side) => side ?? -1);
  if (sides.indexOf(-1) !== sides.lastIndexOf(-1)) throw place.refusal('more than one side of it is not known');
  const x = place.transpose(place.x, place.node.inputShapes[0].length, channelsLast);
  return place.transpose(place.add('Reshape', [x, place.integers([0, ...sides])]), place.rank, channelsFirst);
};

/** The writer of each layer class, without the activation. */
const writers: Record<string, Writer> = {
  Conv2D: convolution,
  Conv2d: convolution,
  GatedConv2d: convolution,
  DepthwiseConv2D: (place) => depthwise(place, place.bias()),
  SeparableConv2D: (place) => {
    const pointwise = place.weight('pointwiseKernel', (weight) => weight.transpose([3, 2, 0, 1]));
    return place.add('Conv', [depthwise(place, [], place.dilations()), pointwise, ...place.bias()]);
  },
  Conv2DTranspose: transposedConvolution,
  Dense: dense,
  QuantizedConv2d: quantized,
  QuantizedDense: quantized,
  BatchNormalization: norm,
  BatchNorm: norm,
  LayerNormalization: layerNorm,
  L0Gate: (place) => {
    const factors = place.tensor('factors', () => {
      const mask = (place.node.layer as unknown as Gate).inferenceMask();
      return place.rank === 4 ? mask.reshape([1, -1, 1, 1]) : mask;
    });
    return place.add('Mul', [place.x, factors]);
  },
  BiasMap: (place) => {
    const map = place.tensor('map', () => {
      const full = (place.node.layer as BiasMap).fullMap().transpose(channelsFirst);
      return place.rank === 4 ? full : full.reshape([1, -1]);
    });
    return place.add('Add', [place.x, map]);
  },
  Rescaling: (place) => {
    const [scale, offset] = [place.config.scale, place.config.offset].map((given) => place.channelwise(given));
    return place.add('Add', [place.add('Mul', [place.x, scale]), offset]);
  },
  Activation: pass,
  ReLU: (place) => {
    const { maxValue } = place.config;
    if (maxValue === undefined || maxValue === null) return place.chain(place.x, 'Relu');
    return place.add('Clip', [place.x, place.scalar(0), place.scalar(maxValue as number)]);
  },
  LeakyReLU: (place) => place.add('LeakyRelu', [place.x], { alpha: { float: place.config.alpha as number } }),
  ThresholdedReLU: (place) =>
    place.add('ThresholdedRelu', [place.x], { alpha: { float: place.config.theta as number } }),
  ELU: (place) => place.chain(place.x, 'Elu'),
  PReLU: (place) => {
    const slope = place.weight('alpha', (weight) => (place.rank === 4 ? weight.transpose([2, 0, 1]) : weight));
    return place.add('PRelu', [place.x, slope]);
  },
  Softmax: (place) => place.add('Softmax', [place.x], { axis: place.axis(place.config.axis) }),
  Add: merge('Add'),
  Multiply: merge('Mul'),
  Average: merge('Mean'),
  Maximum: merge('Max'),
  Minimum: merge('Min'),
  Concatenate: (place) => place.add('Concat', place.inputs, { axis: place.axis(place.config.axis) }),
  MaxPooling2D: maxPool,
  MaxPool2d: maxPool,
  AveragePooling2D: (place) => place.add('AveragePool', [place.x], { ...place.window(), count_include_pad: 0 }),
  GlobalAveragePooling2D: globalPool('GlobalAveragePool'),
  GlobalMaxPooling2D: globalPool('GlobalMaxPool'),
  ZeroPadding2D: (place) => {
    // As a convolution of each channel with 1, whose border is 0: onnxruntime merges a Pad into the pooling after it,
    // whose border is not 0.
    const channels = place.node.outputShape[3]!;
    const ones = place.tensor('ones', () => tf.ones([channels, 1, 1, 1]));
    return place.add('Conv', [place.x, ones], { ...place.window(), group: channels });
  },
  Cropping2D: (place) => {
    const borders = place.config.cropping as [number, number][];
    const [starts, ends] = [0, 1].map((side) => borders.map((border) => border[side]));
    // An end of 0 would mean the beginning of the image.
    const sides = [starts, ends.map((end) => (end === 0 ? 2 ** 31 - 1 : -end)), [2, 3]];
    return place.add('Slice', [place.x, ...sides.map((values) => place.integers(values))]);
  },
  UpSampling2D: (place) => {
    const { size, interpolation } = place.config;
    const scales = place.tensor('scales', () => tf.tensor1d([1, 1, ...(size as number[])]));
    return place.add('Resize', [place.x, '', scales], {
      mode: interpolation === 'bilinear' ? 'linear' : 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
  },
  Flatten: reshape,
  Reshape: reshape,
  Dropout: pass,
  SpatialDropout1D: pass,
  GaussianNoise: pass,
  GaussianDropout: pass,
  AlphaDropout: pass,
  ActivityRegularization: pass,
};
