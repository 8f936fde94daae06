import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../../errors.js';
import type { BiasMap } from '../../../layers/biasMap.js';
import type { Layer } from '../../../graph/names.js';
import type { LayerNode } from '../../../graph/networkGraph.js';
import type { ChannelNode } from '../../../graph/channelGraph.js';
import { activationOf, channelwiseKind, mixesChannels } from '../../../graph/layerRole.js';
import { windowsOf } from '../../../graph/kernels.js';
import type { NetworkWeights } from '../../weights/layerWeights.js';
import type { OnnxGraph } from './onnxGraph.js';

/** Images are [N, C, H, W] in ONNX, where ours are [N, H, W, C]; vectors are [N, C] in both. */
export const toChannelsFirst = [0, 3, 1, 2];
export const toChannelsLast = [0, 2, 3, 1];

const isImage = ({ outputShape }: LayerNode): boolean => outputShape.length === 4;

/** Adds the operators that do what a layer does, given the names of its inputs; returns the name of the output. */
export function addOperators(graph: OnnxGraph, node: ChannelNode, inputs: string[], weights: NetworkWeights): string {
  const { name } = node;
  const perChannel = isImage(node) ? [1, node.channels, 1, 1] : [1, node.channels];
  switch (node.role) {
    case 'kernel':
      return activated(graph, node, kernel(graph, node, inputs[0], weights));
    case 'norm':
      return activated(graph, node, norm(graph, node, inputs[0], weights));
    case 'gate': {
      const factors = graph.constant(`${name}_factors`, weights.gates.get(node) ?? new Float32Array(), perChannel);
      return graph.add('Mul', [inputs[0], factors], name);
    }
    case 'add':
      return inputs.slice(1).reduce((sum, input) => graph.add('Add', [sum, input], name), inputs[0]);
    case 'concat':
      return graph.add('Concat', inputs, name, { axis: 1 });
    case 'flatten': {
      const last = isImage(node.inputs[0])
        ? graph.add('Transpose', [inputs[0]], `${name}_channels_last`, { perm: toChannelsLast })
        : inputs[0];
      return graph.add('Flatten', [last], name, { axis: 1 });
    }
    case 'mix':
      if (node.layer.getClassName() !== 'Softmax') return activated(graph, node, inputs[0]);
      return graph.add('Softmax', [inputs[0]], name, { axis: 1 });
    default:
      return channelwise(graph, node, inputs[0]);
  }
}

function kernel(graph: OnnxGraph, node: ChannelNode, x: string, { kernels }: NetworkWeights): string {
  const { name, layer } = node;
  const { values, window, inputs, outputs, bias } = kernels.get(node) ?? missing(layer);
  const biases = bias ? [graph.constant(`${name}/bias`, bias, [outputs])] : [];
  if (!isImage(node)) {
    const matrix = graph.constant(`${name}/kernel`, values, [inputs, outputs]);
    return graph.add('Gemm', [x, matrix, ...biases], name);
  }
  const [down, across] = windowsOf(node);
  const filters = tf.tidy(() =>
    tf.tensor(values, [window, inputs, outputs]).transpose([2, 1, 0]).dataSync<'float32'>().slice(),
  );
  const weight = graph.constant(`${name}/kernel`, filters, [outputs, inputs, down.size, across.size]);
  return graph.add('Conv', [x, weight, ...biases], name, {
    ...windowAttributes(node),
    dilations: [down.dilation, across.dilation],
  });
}

function windowAttributes(node: LayerNode): Record<'kernel_shape' | 'strides' | 'pads', number[]> {
  const [down, across] = windowsOf(node);
  return {
    kernel_shape: [down.size, across.size],
    strides: [down.stride, across.stride],
    pads: [down.before, across.before, down.after, across.after],
  };
}

function norm(graph: OnnxGraph, node: ChannelNode, x: string, { norms }: NetworkWeights): string {
  const { name, layer, channels } = node;
  const { gamma, beta, mean, variance, epsilon } = norms.get(node) ?? missing(layer);
  const constant = (what: string, values: Float32Array): string =>
    graph.constant(`${name}/${what}`, values, [channels]);
  const inputs = [
    constant('gamma', gamma ?? new Float32Array(channels).fill(1)),
    constant('beta', beta ?? new Float32Array(channels)),
    constant('movingMean', mean),
    constant('movingVariance', variance),
  ];
  return graph.add('BatchNormalization', [x, ...inputs], name, { epsilon: { float: epsilon } });
}

/** Operators for activations, by the names that tf.layers give them. */
const activations: Record<string, string> = {
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  tanh: 'Tanh',
  elu: 'Elu',
  selu: 'Selu',
  softplus: 'Softplus',
  softsign: 'Softsign',
  softmax: 'Softmax',
  logSoftmax: 'LogSoftmax',
};

function activated(graph: OnnxGraph, { name, layer }: ChannelNode, x: string): string {
  const activation = activationOf(layer);
  if (activation === 'linear') return x;
  const operator = Object.hasOwn(activations, activation) ? activations[activation] : undefined;
  if (!operator) throw notExported(layer, `the activation ${activation}`);
  return graph.add(operator, [x], `${name}_${activation}`, mixesChannels(layer) ? { axis: 1 } : {});
}

function channelwise(graph: OnnxGraph, node: ChannelNode, x: string): string {
  const { name, layer } = node;
  switch (channelwiseKind(layer)) {
    case 'elementwise':
      return elementwise(graph, node, x);
    case 'global': {
      const operator = layer.getClassName() === 'GlobalMaxPooling2D' ? 'GlobalMaxPool' : 'GlobalAveragePool';
      return graph.add('Flatten', [graph.add(operator, [x], name)], `${name}_flat`, { axis: 1 });
    }
    case 'biasMap': {
      const { dims, values } = tf.tidy(() => {
        const map = (layer as BiasMap).fullMap().transpose(toChannelsFirst);
        return { dims: isImage(node) ? map.shape : map.shape.slice(0, 2), values: map.dataSync<'float32'>().slice() };
      });
      return graph.add('Add', [x, graph.constant(`${name}/map`, values, dims)], name);
    }
    case 'window': {
      const kind = layer.getClassName();
      const attributes = windowAttributes(node);
      if (kind === 'ZeroPadding2D') {
        // As a convolution of each channel with 1, whose border is 0: onnxruntime makes a Pad part of a pooling behind it, whose
        // border is no 0.
        const { channels } = node;
        const ones = graph.constant(`${name}_ones`, new Float32Array(channels).fill(1), [channels, 1, 1, 1]);
        return graph.add('Conv', [x, ones], name, { ...attributes, group: channels });
      }
      if (kind === 'AveragePooling2D')
        return graph.add('AveragePool', [x], name, { ...attributes, count_include_pad: 0 });
      return graph.add('MaxPool', [x], name, attributes);
    }
    default:
      // Dropout and its like do something in training only.
      return x;
  }
}

function elementwise(graph: OnnxGraph, node: ChannelNode, x: string): string {
  const { name, layer } = node;
  const { alpha, maxValue } = layer.getConfig() as { alpha?: number; maxValue?: number | null };
  switch (layer.getClassName()) {
    case 'Activation':
      return activated(graph, node, x);
    case 'ReLU':
      if (maxValue === undefined || maxValue === null) return graph.add('Relu', [x], name);
      throw notExported(layer, 'a ReLU with a largest value');
    case 'LeakyReLU':
      return graph.add('LeakyRelu', [x], name, { alpha: { float: alpha ?? 0.3 } });
    case 'ELU':
      return graph.add('Elu', [x], name, { alpha: { float: alpha ?? 1 } });
    default:
      throw notExported(layer, 'its class');
  }
}

function notExported(layer: Layer, what: string): UserError {
  return new UserError(
    `The layer ${layer.name} (${layer.getClassName()}) cannot be written as ONNX: ${what} is not known.`,
  );
}

function missing(layer: Layer): never {
  throw new Error(`no weights of ${layer.name}`);
}
