import type * as tf from '@tensorflow/tfjs';
import type { Gate } from '../layers/gate.js';
import { GatedConv2d } from '../layers/gatedConv2d.js';
import { L0Gate } from '../layers/l0Gate.js';

/** Any layer of a tf.LayersModel. */
export type Layer = tf.layers.Layer;

/** The layers whose outputs a layer reads, in the order of its inputs; none for an input layer. */
export function producersOf(layer: Layer): Layer[] {
  return layer.inboundNodes[0]?.inboundLayers ?? [];
}

/** The layers of the model that read a layer's output. */
export function consumersOf(model: tf.LayersModel, layer: Layer): Layer[] {
  return model.layers.filter((other) => producersOf(other).includes(layer));
}

/** What a layer with a kernel computes: a window over inputs for each output, at a number of positions. */
export interface KernelGeometry {
  /** Entries of the window: height x width, 1 for a dense layer. */
  window: number;
  inputs: number;
  outputs: number;
  /** Positions of the output image at which the window is applied. */
  positions: number;
  bias: boolean;
}

/** The geometry of a convolution or dense layer; undefined for a layer that has no kernel. */
export function kernelGeometry(layer: Layer): KernelGeometry | undefined {
  const kernel = layer.weights.find((weight) => weight.originalName.endsWith('/kernel'));
  if (!kernel) return undefined;
  const shape = kernel.shape as number[];
  const [inputs, outputs] = shape.slice(-2);
  const sides = shape.slice(0, -2);
  const image = (layer.outputShape as number[]).slice(1, -1);
  return {
    window: sides.reduce((product, side) => product * side, 1),
    inputs,
    outputs,
    positions: image.reduce((product, side) => product * side, 1),
    bias: layer.weights.some((weight) => weight.originalName.endsWith('/bias')),
  };
}

/** The network's layers with gates that can be trained, first to last. */
export function gatesOf(model: tf.LayersModel): Gate[] {
  return model.layers.filter(
    (layer): layer is L0Gate | GatedConv2d =>
      layer instanceof GatedConv2d || (layer instanceof L0Gate && !layer.fixedOpen),
  );
}

/** The convolution or dense layer whose output channels a layer passes on: upwards through BN, activation and pooling. */
export function kernelLayerAbove(layer: Layer): Layer | undefined {
  let above: Layer | undefined = layer;
  while (above && !kernelGeometry(above)) {
    const producers: Layer[] = producersOf(above);
    above = producers.length === 1 ? producers[0] : undefined;
  }
  return above;
}
