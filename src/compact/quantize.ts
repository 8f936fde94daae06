import * as tf from '@tensorflow/tfjs';
import { computedValues, whereReadable } from '../backend/readable.js';
import type { Grid } from '../backend/fusedOps.js';
import { UserError } from '../errors.js';
import { kernelGeometry, weightOf, windowsOf } from '../graph/kernels.js';
import { activationOf } from '../graph/layerRole.js';
import type { Layer } from '../graph/names.js';
import { networkGraph, type LayerNode } from '../graph/networkGraph.js';
import { copyLayer } from '../layers/completeConfigs.js';
import type { Activation } from '../layers/layer.js';
import type { Padding } from '../layers/padding.js';
import { QuantizedConv2d, QuantizedDense } from '../layers/quantized.js';
import { percentile } from './report/latency.js';

export interface QuantizeOptions {
  /**
   * Images [N, ...] like those that the network will get, a tensor for each input: they determine the ranges of values.
   * The caller disposes them.
   */
  calibration: tf.Tensor | tf.Tensor[];
  /**
   * The percentage of values that must lie within a range, the rest being cut off at its ends; 100 keeps the largest.
   * Default 100.
   */
  percent?: number;
}

/** A network of whole numbers. */
export interface Quantized {
  model: tf.LayersModel;
  /** The layers with kernels that still compute with floats, and why. */
  kept: { layer: string; because: string }[];
}

/** The largest code. */
const MOST = 127;
/** The largest bias, in units of the sums: up to this value a float represents every whole number. */
const MOST_BIAS = 2 ** 24;
/** The most entries of a kernel per output, so that sums of products of codes do not overflow. */
const MOST_ENTRIES = 2 ** 16;
/** The largest side of a window over which floats can add products of codes exactly. */
const MOST_SIDE = 32;
/** Layers that pass values on unchanged, so that values on a grid stay on it. */
const passing = ['MaxPool2d', 'MaxPooling2D', 'Concatenate', 'Flatten', 'Reshape', 'Dropout'];

/**
 * Returns a network whose convolutions and dense layers compute with whole numbers: weights of 8 bits with a scale for
 * each output channel, max |w| / 127; inputs of 7 bits, (code - zero) * scale, with one scale and zero per tensor, from
 * its range over the calibration images. Tensors that only such layers read, also through pooling and concatenation,
 * are rounded where they are computed. Each layer of the network must be used only once. The network is not changed.
 *
 * Throws a UserError for calibration images of another shape or with values that are not finite, and for a network
 * without a layer to quantize.
 */
export function quantize(model: tf.LayersModel, { calibration, percent = 100 }: QuantizeOptions): Quantized {
  if (!(percent > 50 && percent <= 100)) {
    throw new UserError(`percent must be above 50 and at most 100; received ${percent}.`);
  }
  const { nodes, inputs, outputs } = networkGraph(model);
  const kernels = nodes.filter(({ layer, outputShape }) => kernelGeometry(layer, outputShape));
  const faults = new Map(kernels.map((node) => [node, faultOf(node)]));
  const whole = (node: LayerNode): boolean => faults.has(node) && faults.get(node) === undefined;
  const chosen = nodes.filter(whole);
  if (chosen.length === 0) {
    throw new UserError(`${model.name} has no layer that can compute with whole numbers: leave precision out.`);
  }
  const groups = groupsOf(nodes);
  const groupsRead = new Set(chosen.map(({ inputs: [input] }) => groups.get(input)!));
  const measured = nodes.filter((node) => groupsRead.has(groups.get(node)!));
  const ranges = rangesOf(model, measured, [calibration].flat(), percent);
  const grids = new Map(
    [...groupsRead].map((group) => [group, gridOf(group.flatMap((node) => ranges.get(node) ?? []))]),
  );
  const relus = new Map(chosen.flatMap((node) => reluBehind(node) ?? []).map((relu) => [relu, relu.inputs[0]]));
  const outputGrid = (node: LayerNode): Grid | null => {
    const group = groups.get(reluBehind(node) ?? node)!;
    const rounds = (each: LayerNode): boolean => whole(each) || relus.has(each) || isPassing(each);
    const inside = group.every((each) => rounds(each) && !each.output);
    const read = group.every(({ readers }) => readers.every((reader) => group.includes(reader) || whole(reader)));
    return inside && read ? (grids.get(group) ?? null) : null;
  };

  const tensors = new Map<LayerNode, tf.SymbolicTensor>();
  const at = (list: LayerNode[]): tf.SymbolicTensor[] => list.map((node) => tensors.get(node)!);
  for (const node of inputs) {
    const { name, outputShape: batchShape, layer } = node;
    tensors.set(node, tf.input({ name, batchShape, dtype: layer.dtype }));
  }
  for (const node of nodes.filter((each) => !inputs.includes(each))) {
    const read = at(node.inputs);
    const x = read.length === 1 ? read[0] : read;
    if (relus.has(node)) tensors.set(node, read[0]);
    else if (whole(node)) {
      const input = grids.get(groups.get(node.inputs[0])!)!;
      const activation = reluBehind(node) ? 'relu' : (activationOf(node.layer) as Activation);
      const { layer, weights } = wholeLayer(node, { activation, input, output: outputGrid(node) });
      tensors.set(node, layer.apply(x) as tf.SymbolicTensor);
      tf.tidy(() => layer.setWeights(weights.map(({ values, shape, dtype }) => tf.tensor(values, shape, dtype))));
    } else {
      const copy = copyLayer(node.layer, node.name);
      tensors.set(node, copy.apply(x) as tf.SymbolicTensor);
      copy.setWeights(node.layer.getWeights());
    }
  }
  const kept = [...faults].flatMap(([{ name }, because]) => (because ? [{ layer: name, because }] : []));
  return { model: tf.model({ name: model.name, inputs: at(inputs), outputs: at(outputs) }), kept };
}

const isPassing = ({ layer }: LayerNode): boolean => passing.includes(layer.getClassName());

/** The ReLU that is the only reader of a layer without its own activation, and that can become its activation. */
function reluBehind({ layer, readers, output }: LayerNode): LayerNode | undefined {
  const [reader] = readers;
  if (output || readers.length !== 1 || activationOf(layer) !== 'linear') return undefined;
  const kind = reader.layer.getClassName();
  const bounded = (reader.layer.getConfig().maxValue ?? null) !== null;
  const isRelu = kind === 'Activation' ? activationOf(reader.layer) === 'relu' : kind === 'ReLU' && !bounded;
  return isRelu ? reader : undefined;
}

/** The reason why a layer with a kernel cannot compute with whole numbers; undefined if it can. */
function faultOf(node: LayerNode): string | undefined {
  const { layer, inputShapes } = node;
  const kind = layer.getClassName();
  if (!['Conv2d', 'Conv2D', 'Dense'].includes(kind)) return `layers of the class ${kind} are not quantized`;
  const activation = activationOf(layer);
  if (!['linear', 'relu'].includes(activation)) return `it ends with ${activation}, not with relu`;
  if (kind === 'Dense' && inputShapes[0].length !== 2) return 'it reads no vectors';
  const [down, across] = windowsOf(node);
  if (down.size !== across.size || down.stride !== across.stride) return 'its window or its steps are not square';
  if (down.size > MOST_SIDE) return `its window has a side of more than ${MOST_SIDE}`;
  if (down.dilation !== 1 || across.dilation !== 1) return 'it is dilated';
  const entries = (weightOf(layer, 'kernel')!.shape.slice(0, -1) as number[]).reduce((n, side) => n * side, 1);
  return entries > MOST_ENTRIES ? `it adds ${entries} products, at most ${MOST_ENTRIES} are` : undefined;
}

/**
 * Groups of tensors that must share a grid because pooling and concatenation pass them on. Each tensor is represented
 * by the layer that computes it.
 */
function groupsOf(nodes: LayerNode[]): Map<LayerNode, LayerNode[]> {
  const groups = new Map(nodes.map((node) => [node, [node]]));
  for (const node of nodes.filter(isPassing)) {
    for (const input of node.inputs) {
      const [group, other] = [groups.get(node)!, groups.get(input)!];
      if (group === other) continue;
      group.push(...other);
      for (const each of other) groups.set(each, group);
    }
  }
  return groups;
}

/** The grid of 128 values over some ranges, which contains 0. */
function gridOf(ranges: Range[]): Grid {
  const low = Math.min(...ranges.map((range) => range.low));
  const high = Math.max(...ranges.map((range) => range.high));
  // For zeros alone any grid will do.
  const scale = Math.fround(high > low ? (high - low) / MOST : 1);
  return { scale, zero: Math.round(-low / scale) };
}

interface WholeWeight {
  values: Int32Array | Float32Array;
  shape: number[];
  dtype: 'int32' | 'float32';
}

/** The layer of whole numbers that replaces a layer, and its weights. */
function wholeLayer(
  node: LayerNode,
  ends: { activation: Activation; input: Grid; output: Grid | null },
): { layer: Layer; weights: WholeWeight[] } {
  const { layer, name } = node;
  const { input } = ends;
  const kernel = weightOf(layer, 'kernel')!;
  const bias = weightOf(layer, 'bias');
  const shape = kernel.shape as number[];
  const outputs = shape.at(-1)!;
  const values = computedValues(() => kernel.read().clone());
  const biases = bias ? computedValues(() => bias.read().clone()) : new Float32Array(outputs);
  const largest = new Float64Array(outputs);
  values.forEach((value, i) => (largest[i % outputs] = Math.max(largest[i % outputs], Math.abs(value))));
  if (![...largest, ...biases].every(Number.isFinite))
    throw new UserError(`The weights of the layer ${name} must be finite numbers; some are not.`);
  // A bias that is large compared with its filter makes the steps larger; for zeros alone any scale will do.
  const scale = Float32Array.from(largest, (most, o) => {
    return Math.max(most / MOST, Math.abs(biases[o]) / input.scale / MOST_BIAS) || 1;
  });
  const whole = (value: number): number => Math.max(-MOST, Math.min(MOST, Math.round(value)));
  const weights: WholeWeight[] = [
    { values: Int32Array.from(values, (value, i) => whole(value / scale[i % outputs])), shape, dtype: 'int32' },
    {
      values: Int32Array.from(biases, (value, o) => Math.round(value / (scale[o] * input.scale))),
      shape: [outputs],
      dtype: 'int32',
    },
    { values: scale, shape: [outputs], dtype: 'float32' },
  ];
  const shared = { name, ...ends };
  if (layer.getClassName() === 'Dense') return { layer: new QuantizedDense({ ...shared, units: outputs }), weights };
  const [{ size: kernelSize, stride: strides }] = windowsOf(node);
  const padding = layer.getConfig().padding as Padding;
  return { layer: new QuantizedConv2d({ ...shared, filters: outputs, kernelSize, strides, padding }), weights };
}

/** The range of a tensor's values. */
export interface Range {
  low: number;
  high: number;
}

/** The batch size. */
const BATCH = 32;

/**
 * The ranges of the outputs of some layers for images: in each batch of 32, (100 - percent) / 2 % of the values are cut
 * off at either end; the widest range of all batches counts, and it contains 0. Each of the layers must be used only
 * once.
 *
 * Throws a UserError for images or values that are not finite.
 */
export function rangesOf(
  model: tf.LayersModel,
  nodes: LayerNode[],
  images: tf.Tensor[],
  percent: number,
): Map<LayerNode, Range> {
  return whereReadable(() => {
    const outputs = nodes.map(({ layer }) => layer.output as tf.SymbolicTensor);
    const inner = tf.model({ inputs: model.inputs, outputs });
    const ranges = new Map(nodes.map((node) => [node, { low: 0, high: 0 }]));
    for (let from = 0; from < images[0].shape[0]; from += BATCH) {
      tf.tidy(() => {
        const batch = images.map((image) => image.slice(from, Math.min(BATCH, image.shape[0] - from)));
        if (batch.some((image) => !allFinite(image))) {
          throw new UserError(`Calibration images must be finite numbers; those from image ${from} on are not.`);
        }
        const tensors = [inner.apply(batch)].flat() as tf.Tensor[];
        nodes.forEach((node, i) => widen(ranges.get(node)!, tensors[i], percent, node.name));
      });
    }
    return ranges;
  });
}

const allFinite = (x: tf.Tensor): boolean => tf.isFinite(x).all().dataSync()[0] === 1;

function widen(range: Range, values: tf.Tensor, percent: number, layer: string): void {
  const [least, most] = [values.min(), values.max()].map((t) => t.dataSync()[0]);
  if (!Number.isFinite(least) || !Number.isFinite(most)) {
    throw new UserError(
      `What the layer ${layer} gives must be finite numbers, for an int8 network to be made of it; some are not.`,
    );
  }
  const cut = (100 - percent) / 200;
  if (cut === 0) {
    range.low = Math.min(range.low, least);
    range.high = Math.max(range.high, most);
    return;
  }
  const sorted = values.dataSync<'float32'>().slice().sort() as unknown as number[];
  range.low = Math.min(range.low, percentile(sorted, cut));
  range.high = Math.max(range.high, percentile(sorted, 1 - cut));
}
