// Finds the kept channels by brute force: flags of single channels are passed from layer to layer until none changes,
// by rules written independently for each class of layer.
import * as tf from '@tensorflow/tfjs';
import { networkGraph, type LayerNode } from 'sparsebook/graph/networkGraph.js';
import type { L0Gate } from 'sparsebook/layers/l0Gate.js';

type Layer = tf.layers.Layer;
type Masks = ReadonlyMap<string, Float32Array>;

export interface BruteForceCount {
  kernelEntries: number;
  multiplyAdds: number;
  normChannels: number;
  width: Record<string, number>;
}

const lastPart = ({ originalName }: { originalName: string }): string => originalName.split('/').at(-1)!;
const sizeOf = (sides: readonly (number | null)[]): number => sides.reduce<number>((n, side) => n * side!, 1);
const kernelNames = ['kernel', 'depthwise_kernel', 'pointwise_kernel'];

/** Whether a layer computes channels with a kernel. */
export const isKernel = (layer: Layer): boolean =>
  layer.weights.some((weight) => kernelNames.includes(lastPart(weight)));

function groups<T, Key>(things: readonly T[], keyOf: (thing: T) => Key): Map<Key, T[]> {
  const all = new Map<Key, T[]>();
  for (const thing of things) {
    const group = all.get(keyOf(thing));
    if (group) group.push(thing);
    else all.set(keyOf(thing), [thing]);
  }
  return all;
}

/** One product in a kernel: from an input channel to an output channel. */
interface Entry {
  tap: number;
  from: number;
  to: number;
  value: number;
}

/** The entries of one of a layer's kernels; `from` and `to` are channels of that kernel. */
function entriesOf(layer: Layer, name: string): Entry[] {
  const weight = layer.weights.find((each) => lastPart(each) === name)!;
  const [third, fourth] = weight.shape.slice(-2) as number[];
  return [...weight.read().dataSync()].map((value, i) => {
    const [tap, a, b] = [Math.floor(i / (third * fourth)), Math.floor(i / fourth) % third, i % fourth];
    if (layer.getClassName() === 'Conv2DTranspose') return { tap, from: b, to: a, value };
    return name === 'depthwise_kernel' ? { tap, from: a, to: a * fourth + b, value } : { tap, from: a, to: b, value };
  });
}

/** A kernel layer's computation from inputs to outputs, as the entries of a single kernel. */
function products(layer: Layer): Entry[] {
  if (layer.getClassName() === 'DepthwiseConv2D') return entriesOf(layer, 'depthwise_kernel');
  if (layer.getClassName() !== 'SeparableConv2D') return entriesOf(layer, 'kernel');
  const second = groups(entriesOf(layer, 'pointwise_kernel'), ({ from }) => from);
  const sums = new Map<string, Entry>();
  for (const { tap, from, to: between, value } of entriesOf(layer, 'depthwise_kernel')) {
    for (const next of second.get(between)!) {
      const key = [tap, from, next.to].join();
      const sum = sums.get(key)?.value ?? 0;
      sums.set(key, { tap, from, to: next.to, value: sum + value * next.value });
    }
  }
  return [...sums.values()];
}

/**
 * Applies masks, by definition: sets kernel and bias of closed channels to 0 in the network itself, unless the filter
 * is already 0.
 */
export function applyMasks(model: tf.LayersModel, masks: Masks): void {
  for (const { layer, name } of networkGraph(model).nodes) {
    const mask = masks.get(name);
    if (!mask) continue;
    const alive = new Set(products(layer).flatMap(({ to, value }) => (value === 0 ? [] : [to])));
    const isClosed = (channel: number): boolean => mask[channel] === 0 && alive.has(channel);
    for (const weight of layer.weights) {
      const part = lastPart(weight);
      if (part === 'depthwise_kernel' && layer.getClassName() === 'SeparableConv2D') continue;
      const values = weight.read().dataSync();
      const open =
        part === 'bias'
          ? values.map((value, channel) => (isClosed(channel) ? 0 : value))
          : entriesOf(layer, part).map(({ to, value }) => (isClosed(to) ? 0 : value));
      tf.tidy(() => void weight.write(tf.tensor([...open], weight.shape as number[])));
    }
  }
}

const channelsOf = ({ outputShape }: LayerNode): number => outputShape.at(-1)!;
const id = ({ name }: LayerNode, c: number): string => `${name} ${c}`;
const channelsIn = (node: LayerNode): number[] => [...Array(channelsOf(node)).keys()];
const kindOf = ({ layer }: LayerNode): string => layer.getClassName();
/** Kinds of layers that compute every channel from all of them. */
const mixing = ['Softmax', 'LayerNormalization'];
const merges = ['Add', 'Multiply', 'Average', 'Maximum', 'Minimum'];

/**
 * The sum of squares of each filter: when a layer would lose all its channels, the channel with the largest sum stays.
 */
export function squares(model: tf.LayersModel): Map<string, number> {
  const sums = new Map<string, number>();
  for (const node of networkGraph(model).nodes.filter(({ layer }) => isKernel(layer))) {
    for (const { to, value } of products(node.layer))
      sums.set(id(node, to), (sums.get(id(node, to)) ?? 0) + value * value);
  }
  return sums;
}

/** The output of every layer for an image of noise, by the layer's name. */
function evaluate(model: tf.LayersModel): Map<string, tf.Tensor> {
  const { inputs, nodes } = networkGraph(model);
  const noise = (node: LayerNode, i: number): [string, tf.Tensor] => [
    node.name,
    tf.randomNormal([1, ...(node.outputShape.slice(1) as number[])], 0, 1, 'float32', i + 5),
  ];
  const values = new Map(inputs.map(noise));
  for (const { name, layer, inputs: sources } of nodes) {
    const read = sources.map((source) => values.get(source.name)!);
    if (!values.has(name)) values.set(name, layer.apply(read.length === 1 ? read[0] : read) as tf.Tensor);
  }
  return values;
}

type Wire = [from: string, to: string];

/** The input channels from which channel c of a layer without a kernel is computed. */
function comesFrom(node: LayerNode, c: number): Wire[] {
  const [first] = node.inputs;
  const wire = (from: LayerNode, channel: number): Wire => [id(from, channel), id(node, c)];
  switch (kindOf(node)) {
    case 'Concatenate': {
      const all = node.inputs.flatMap((input) => channelsIn(input).map((channel) => wire(input, channel)));
      return [all[c]];
    }
    case 'Softmax':
    case 'LayerNormalization':
      return channelsIn(first).map((channel) => wire(first, channel));
    case 'Flatten':
    case 'Reshape':
      return [wire(first, c % channelsOf(first))];
    default:
      return node.inputs.map((input) => wire(input, channelsOf(input) === 1 ? 0 : c));
  }
}

function spread(start: string[], links: Wire[]): Set<string> {
  const reached = new Set(start);
  const next = groups(links, ([from]) => from);
  for (const channel of reached) for (const [, to] of next.get(channel) ?? []) reached.add(to);
  return reached;
}

/** The pairs of channels through which a value can pass, and the channels that depend on the inputs. */
function wiring(model: tf.LayersModel): { wires: Wire[]; live: Set<string>; values: Map<string, tf.Tensor> } {
  const values = evaluate(model);
  const live = new Set<string>();
  const wires: Wire[] = [];
  const isNothing = (node: LayerNode, c: number): boolean => {
    const value = values.get(node.name)!;
    const channel = value.slice([...Array<number>(value.rank - 1).fill(0), c], [...value.shape.slice(0, -1), 1]);
    return !live.has(id(node, c)) && channel.abs().max().dataSync()[0] === 0;
  };
  for (const node of networkGraph(model).nodes) {
    const { layer, inputs } = node;
    const blocked = (c: number): boolean => {
      if (kindOf(node) === 'L0Gate') return (layer as L0Gate).inferenceMask().dataSync()[c] === 0;
      if (kindOf(node) === 'Multiply') return inputs.some((input) => isNothing(input, channelsOf(input) === 1 ? 0 : c));
      const gamma = layer.weights.find((weight) => lastPart(weight) === 'gamma');
      return !mixing.includes(kindOf(node)) && gamma?.read().dataSync()[c] === 0;
    };
    const own = isKernel(layer)
      ? products(layer).flatMap(({ from, to, value }): Wire[] =>
          value === 0 ? [] : [[id(inputs[0], from), id(node, to)]],
        )
      : channelsIn(node).flatMap((c) => (blocked(c) ? [] : comesFrom(node, c)));
    if (kindOf(node) === 'InputLayer') channelsIn(node).forEach((c) => live.add(id(node, c)));
    for (const [from, to] of own) if (live.has(from)) live.add(to);
    wires.push(...own);
  }
  return { wires, live, values };
}

/** Counts the size and cost of a network whose masks have been applied. `filters` are the squares from before that. */
export function bruteForce(model: tf.LayersModel, filters: Map<string, number>): BruteForceCount {
  return tidied(() => {
    const { nodes, inputs: images, outputs: ends } = networkGraph(model);
    const { wires, live, values } = wiring(model);
    const given = images.flatMap((node) => channelsIn(node).map((c) => id(node, c)));
    const outputs = ends.flatMap((node) => channelsIn(node).map((c) => id(node, c)));
    const back = wires.map(([from, to]): Wire => [to, from]);
    const needed = spread(outputs, back);

    const lifeless = (node: LayerNode): boolean => channelsIn(node).every((c) => !live.has(id(node, c)));
    const isUniform = ({ name }: LayerNode): boolean => {
      const value = values.get(name)!;
      const axes = value.shape.map((_, axis) => axis).slice(0, -1);
      const [most, least] = [value.max(axes), value.min(axes)];
      return most.sub(least).abs().max().dataSync()[0] <= 1e-6;
    };
    const places = ({ outputShape }: LayerNode): string => [...outputShape.slice(1, -1)].join() || '1,1';
    const isWhole = (node: LayerNode, input: LayerNode): boolean =>
      places(node) === places(input) && channelsOf(node) === channelsOf(input);
    /**
     * A summand that depends on no input is left out, and so is such a factor if it is the same everywhere, except for
     * the one that determines the size.
     */
    const leftOut = (node: LayerNode, input: LayerNode): boolean => {
      const kind = kindOf(node);
      if (!lifeless(input) || !['Add', 'Multiply'].includes(kind)) return false;
      if (kind === 'Multiply' && (node.outputShape.length !== 4 || !isUniform(input))) return false;
      const whole = node.inputs.filter((each) => isWhole(node, each));
      return whole.length > 0 && input !== (whole.find((each) => !lifeless(each)) ?? whole[0]);
    };
    const isOneForAll = (node: LayerNode, input: LayerNode): boolean =>
      merges.includes(kindOf(node)) && channelsOf(input) === 1 && channelsOf(node) > 1;

    // Channels that are kept or removed together: those that layers pass on one by one, whether gamma is 0 or not.
    const ties: Wire[] = [];
    for (const node of nodes) {
      if (kindOf(node) === 'DepthwiseConv2D') {
        for (const { from, to } of products(node.layer)) ties.push([id(node.inputs[0], from), id(node, to)]);
      }
      if (isKernel(node.layer) || node.inputs.length === 0 || mixing.includes(kindOf(node))) continue;
      const tied = node.inputs.filter((input) => !leftOut(node, input) && !isOneForAll(node, input));
      const names = new Set(tied.map(({ name }) => name));
      for (const c of channelsIn(node)) {
        for (const [from, to] of comesFrom(node, c))
          if (names.has(from.slice(0, from.lastIndexOf(' ')))) ties.push([from, to]);
      }
    }
    const both = ties.flatMap(([a, b]): Wire[] => [
      [a, b],
      [b, a],
    ]);
    const mixed = nodes.filter((node) => mixing.includes(kindOf(node)));
    const whole = [...mixed, ...mixed.flatMap(({ inputs }) => inputs)].flatMap((node) =>
      channelsIn(node).map((c) => id(node, c)),
    );
    let kept = spread([...[...live].filter((channel) => needed.has(channel)), ...given, ...outputs, ...whole], both);
    const count = (node: LayerNode): number => channelsIn(node).filter((c) => kept.has(id(node, c))).length;
    const readBy = (node: LayerNode): LayerNode[] => {
      if (isKernel(node.layer)) return kindOf(node) === 'DepthwiseConv2D' ? [] : node.inputs;
      return node.inputs.filter((input) => isOneForAll(node, input) && !leftOut(node, input));
    };
    const starving = (): LayerNode | undefined =>
      nodes.flatMap((node) => (count(node) > 0 ? readBy(node) : [])).find((input) => count(input) === 0);
    for (let node = starving(); node !== undefined; node = starving()) {
      const source = node;
      const candidates = channelsIn(source).map((c) => spread([id(source, c)], both));
      const sizes = candidates.map((one) => [...one].reduce((sum, channel) => sum + (filters.get(channel) ?? 0), 0));
      kept = new Set([...kept, ...candidates[sizes.indexOf(Math.max(...sizes))]]);
    }

    // A layer stays if an output is computed from it; of concatenated parts, those with a channel stay.
    const built = new Set<LayerNode>();
    const build = (node: LayerNode): void => {
      if (built.has(node)) return;
      built.add(node);
      for (const input of node.inputs) {
        if (!leftOut(node, input) && (kindOf(node) !== 'Concatenate' || count(input) > 0)) build(input);
      }
    };
    ends.forEach(build);

    const total: BruteForceCount = { kernelEntries: 0, multiplyAdds: 0, normChannels: 0, width: {} };
    for (const node of built) {
      const { layer, inputs } = node;
      if (isKernel(layer)) {
        const isKept = (channel: number): boolean => kept.has(id(node, channel));
        const entries = countEntries(layer, (channel) => kept.has(id(inputs[0], channel)), isKept);
        total.kernelEntries += entries;
        total.multiplyAdds += entries * positionsOf(node);
        total.width[node.name] = count(node);
      } else if (kindOf(node).startsWith('BatchNorm')) total.normChannels += count(node);
      const factor = inputs.find((input) => kindOf(node) === 'Multiply' && leftOut(node, input));
      // A factor that is left out becomes a layer of its own.
      if (factor) {
        total.kernelEntries += count(node);
        total.multiplyAdds += count(node) * sizeOf(node.outputShape.slice(1, -1));
        total.width[`${node.name}_scale`] = count(node);
      }
    }
    return total;
  });
}

/** Counts, one by one, a layer's kernel entries between open channels. */
function countEntries(layer: Layer, isOpen: (input: number) => boolean, isKept: (output: number) => boolean): number {
  if (layer.getClassName() !== 'SeparableConv2D') {
    return products(layer).filter(({ from, to }) => isOpen(from) && isKept(to)).length;
  }
  const [first, second] = ['depthwise_kernel', 'pointwise_kernel'].map((name) => entriesOf(layer, name));
  const source = new Map(first.map(({ from, to }) => [to, from]));
  return (
    first.filter(({ from }) => isOpen(from)).length +
    second.filter(({ from, to }) => isOpen(source.get(from)!) && isKept(to)).length
  );
}

/**
 * The number of times a kernel is applied to an image: once per position of the output, or of the input if it is
 * transposed.
 */
function positionsOf({ layer, inputShapes, outputShape }: LayerNode): number {
  return sizeOf((layer.getClassName() === 'Conv2DTranspose' ? inputShapes[0] : outputShape).slice(1, -1));
}

/** Runs some work and disposes its tensors. */
function tidied<T>(work: () => T): T {
  tf.engine().startScope();
  try {
    return work();
  } finally {
    tf.engine().endScope();
  }
}

/** Counts, one by one, the parameters and multiply-adds that remain when masks close channels. */
export function maskedCount(model: tf.LayersModel, masks: Masks): { parameters: number; multiplyAdds: number } {
  return tidied(() => {
    const before = model.getWeights().map((weight) => weight.clone());
    applyMasks(model, masks);
    const { live } = wiring(model);
    model.setWeights(before);
    const open = new Set<string>();
    const total = { parameters: 0, multiplyAdds: 0 };
    for (const node of networkGraph(model).nodes) {
      const { layer, name, inputs } = node;
      const mask = masks.get(name);
      const opens = (c: number): boolean => {
        if (mask?.[c] === 0) return false;
        if (kindOf(node) === 'InputLayer' || (isKernel(layer) && kindOf(node) !== 'DepthwiseConv2D')) return true;
        const from = isKernel(layer)
          ? products(layer)
              .filter(({ to }) => to === c)
              .map((entry) => id(inputs[0], entry.from))
          : comesFrom(node, c).map(([source]) => source);
        // A product with a closed factor is closed if it is the same for every image.
        if (kindOf(node) === 'Multiply' && from.some((channel) => !open.has(channel)) && !live.has(id(node, c)))
          return false;
        return from.some((channel) => open.has(channel));
      };
      const channels = channelsIn(node).filter(opens);
      for (const c of channels) open.add(id(node, c));
      if (kindOf(node) === 'L0Gate') continue;
      if (isKernel(layer)) {
        const entries = countEntries(
          layer,
          (c) => open.has(id(inputs[0], c)),
          (c) => open.has(id(node, c)),
        );
        total.parameters += entries;
        total.multiplyAdds += entries * positionsOf(node);
      }
      for (const weight of layer.weights) {
        const part = lastPart(weight);
        if (kernelNames.includes(part) || /moving_?(mean|variance)/i.test(part)) continue;
        // One value per position and channel; slopes may be shared by all channels.
        const places = sizeOf(weight.shape.slice(0, -1));
        total.parameters += weight.shape.at(-1) === channelsOf(node) ? places * channels.length : places;
      }
    }
    return total;
  });
}
