import { UserError } from '../errors.js';
import type { Channel, ChannelNode } from '../graph/channelGraph.js';
import { kernelGeometry, weightOf } from '../graph/kernels.js';
import { channelwiseKind, isMerge, movesZero } from '../graph/layerRole.js';

/** The layers that become idle when channels are closed at one place of a network, the output of a layer. */
export interface ChannelSpan {
  /** The place and the layers above it, up to kernels, that nothing else reads; they lose the same channels. */
  above: ReadonlySet<ChannelNode>;
  /** The layers below it that pass its channels on, down to the kernels that read them. */
  passed: ReadonlySet<ChannelNode>;
  /** The kernels that read the channels. */
  readers: ReadonlySet<ChannelNode>;
  /**
   * Whether `above` has all kernels that the channels come from, and no layer below joins them with channels that stay.
   */
  whole: boolean;
  /** The first layer below, if any, that joins the channels with others that stay or mixes all channels. */
  joined?: ChannelNode;
  /** The first place, if any, where the channels are an output of the network. */
  output?: ChannelNode;
}

/** Whether a layer turns a channel of zeros into zeros. */
function keepsZero(node: ChannelNode): boolean {
  if (node.role === 'norm' || movesZero(node.layer)) return false;
  return node.role === 'depthwise' ? !weightOf(node.layer, 'bias') : channelwiseKind(node.layer) !== 'biasMap';
}

/** How many output channels a layer that passes channels on has for each of its input channels. */
function growth({ role, channels, inputs }: ChannelNode): number {
  return ['depthwise', 'flatten', 'reshape'].includes(role) ? channels / inputs[0].channels : 1;
}

/** Whether each output channel of a layer comes from one channel of each input, and no two from the same one. */
function isOneToOne(node: ChannelNode): boolean {
  const { role, channels, inputs } = node;
  if (['kernel', 'input', 'mix'].includes(role) || growth(node) > 1) return false;
  return role === 'concat' || inputs.every((input) => input.channels === channels);
}

/**
 * Returns the span of a place's output channels. Closed channels are 0 there, as after a gate, or another constant
 * (`closedTo`): the product of a channel with a constant other than 0 still varies.
 */
export function channelSpan(place: ChannelNode, closedTo: 'zero' | 'constant' = 'zero'): ChannelSpan {
  const passed = new Set<ChannelNode>();
  const readers = new Set<ChannelNode>();
  const products: ChannelNode[] = [];
  let [joined, output]: (ChannelNode | undefined)[] = [];
  const descend = (node: ChannelNode, isZero: boolean): void => {
    if (node.output) output ??= node;
    for (const next of node.readers) {
      if (next.role === 'kernel') readers.add(next);
      if (next.role === 'kernel' || passed.has(next)) continue;
      passed.add(next);
      if (next.role === 'multiply' && isZero) products.push(next);
      else if (isMerge(next.role) || next.role === 'mix') joined ??= next;
      descend(next, isZero && keepsZero(next));
    }
  };
  descend(place, closedTo === 'zero');

  const above = new Set([place]);
  // A layer that joins the channels with others is idle only if those are idle too: x + gate(x) stays.
  const idle = (node: ChannelNode): boolean =>
    above.has(node) || (passed.has(node) && (products.includes(node) || node.inputs.every(idle)));
  // A kernel reads all channels, whichever of its own are closed.
  const isRead = ({ output, readers: all }: ChannelNode): boolean =>
    output || all.some((reader) => reader.role === 'kernel' || !idle(reader));
  // A layer whose readers are not yet all known to be idle is visited again from its last reader.
  const climb = (node: ChannelNode): void => {
    if (!isOneToOne(node)) return;
    for (const input of node.inputs) {
      if (idle(input) || isRead(input)) continue;
      above.add(input);
      climb(input);
    }
  };
  // A product with 0 makes its other factors idle too.
  for (const from of [place, ...products]) climb(from);
  joined ??= products.find(({ inputs }) => !inputs.every(idle));
  const ends = (node: ChannelNode): boolean => node.role === 'kernel' || (isOneToOne(node) && node.inputs.every(idle));
  return { above, passed, readers, joined, output, whole: !joined && [...above].every(ends) };
}

/** The savings from closing one channel. */
export interface ChannelCost {
  /** Entries of the kernels that produce the channel and of those that read it. */
  entries: number;
  /** The entries plus biases, gamma, beta and all else that is trained for this channel alone, except gates. */
  parameters: number;
  /** Multiply-adds per image that the entries cause. */
  multiplyAdds: number;
  /** Values per image that kernels output for this channel. */
  values: number;
  /** Milliseconds, in the layers whose times are known. */
  time: number;
}

/** The cost in milliseconds of one input channel and one output channel of each layer, by the layer's name. */
export type ChannelTimes = ReadonlyMap<string, { input: number; output: number }>;

/** Throws a UserError if the total cost of everything that can be closed is 0: `times` has none of its layers. */
export function checkCosts(total: number): void {
  if (total > 0) return;
  throw new UserError(
    "The weighting 'time' needs times, what a channel that can be closed costs at each layer (single weights cost none): " +
      'channelTimes(model, await layerTimes(model)).',
  );
}

/**
 * Returns the cost of each channel of a place [channels]: its filters in `above`, everything trained for it there and
 * in `passed`, and the entries of the kernels that read it. `windowOf` returns the size to count for a reader's window.
 * Default: the window's own size.
 */
export function channelCosts(
  place: ChannelNode,
  span: ChannelSpan,
  {
    windowOf = (window) => window,
    times = new Map(),
  }: { windowOf?: (window: number) => number; times?: ChannelTimes } = {},
): ChannelCost[] {
  const { above, passed, readers } = span;
  const below: ChannelCost = { entries: 0, parameters: 0, multiplyAdds: 0, values: 0, time: 0 };
  const multiples = multiplesOf(place, passed);
  for (const node of passed) add(below, ownCost(node, times), multiples(node));
  for (const { name, inputs, layer, outputShape } of readers) {
    const { kernels, outputs, positions, window } = kernelGeometry(layer, outputShape)!;
    const count = multiples(inputs[0]);
    const entries = (sum(kernels.map((kernel) => kernel.entries(count, outputs))) * windowOf(window)) / window;
    const time = count * (times.get(name)?.input ?? 0);
    add(below, { entries, parameters: entries, multiplyAdds: entries * positions, values: 0, time });
  }
  const own = new Map([...above].map((node) => [node, ownCost(node, times)]));
  return channelsAbove(place, span).map((channels) => {
    const cost = { ...below };
    for (const { node } of channels) add(cost, own.get(node)!);
    return cost;
  });
}

/** The channels in `above` that are removed with each channel of a place. */
function channelsAbove(place: ChannelNode, { above, passed }: ChannelSpan): Channel[][] {
  const lists = Array.from({ length: place.channels }, () => new Map<ChannelNode, Channel>());
  const climb = (found: Map<ChannelNode, Channel>, from: Channel): void => {
    if (!above.has(from.node) || found.has(from.node)) return;
    found.set(from.node, from);
    for (const source of from.node.sources(from.channel)) climb(found, source);
  };
  lists.forEach((found, channel) => climb(found, { node: place, channel }));
  // The other factors of products below.
  for (const node of [...passed].filter(({ role }) => role === 'multiply')) {
    for (let channel = 0; channel < node.channels; channel++) {
      const origin = originOf(place, passed, { node, channel });
      if (origin !== undefined) for (const factor of node.sources(channel)) climb(lists[origin], factor);
    }
  }
  return lists.map((found) => [...found.values()]);
}

/**
 * Returns the channel of a place that a channel further down comes from through the layers in `passed`; undefined if
 * it comes from none.
 */
export function originOf(place: ChannelNode, passed: ReadonlySet<ChannelNode>, from: Channel): number | undefined {
  if (from.node === place) return from.channel;
  if (!passed.has(from.node)) return undefined;
  const origins = from.node.sources(from.channel).map((source) => originOf(place, passed, source));
  return origins.find((origin) => origin !== undefined);
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

function add(to: ChannelCost, cost: ChannelCost, times = 1): void {
  for (const key of ['entries', 'parameters', 'multiplyAdds', 'values', 'time'] as const) to[key] += times * cost[key];
}

/** The cost of one channel in its own layer. */
function ownCost({ layer, name, role, channels, outputShape }: ChannelNode, times: ChannelTimes): ChannelCost {
  const time = times.get(name)?.output ?? 0;
  const geometry = kernelGeometry(layer, outputShape);
  if (geometry) {
    const { kernels, inputs, positions, bias } = geometry;
    const entries = sum(kernels.map(({ outputOf, entries: count }) => (outputOf ? count(inputs, 1) : 0)));
    const values = outputShape.slice(1, -1).reduce<number>((n, side) => n * (side ?? 0), 1);
    return { entries, parameters: entries + (bias ? 1 : 0), multiplyAdds: entries * positions, values, time };
  }
  const trained = role === 'gate' ? [] : layer.trainableWeights.map((weight) => weight.read().size);
  return { entries: 0, parameters: sum(trained) / channels, multiplyAdds: 0, values: 0, time };
}

/** How many channels one channel of a place becomes in each layer below; flattening makes one per position. */
function multiplesOf(place: ChannelNode, passed: ReadonlySet<ChannelNode>): (node: ChannelNode) => number {
  const known = new Map([[place, 1]]);
  const multipleOf = (node: ChannelNode): number => {
    const found = known.get(node);
    if (found !== undefined) return found;
    const each = passed.has(node) ? node.inputs.map(multipleOf) : [0];
    const grown = node.role === 'concat' ? sum(each) : Math.max(...each) * growth(node);
    known.set(node, grown);
    return grown;
  };
  return multipleOf;
}

/** Returns a function that turns a mask of a place's channels into masks of the kernel layers in `above`, by name. */
export function masksAbove(
  place: ChannelNode,
  span: ChannelSpan,
): (mask: Float32Array) => ReadonlyMap<string, Float32Array> {
  const isKernel = ({ node: { role } }: Channel): boolean => role === 'kernel' || role === 'depthwise';
  const kernels = channelsAbove(place, span).map((channels) => channels.filter(isKernel));
  return (mask) => {
    const masks = new Map<string, Float32Array>();
    kernels.forEach((channels, c) => {
      for (const { node, channel } of channels) {
        if (!masks.has(node.name)) masks.set(node.name, new Float32Array(node.channels).fill(1));
        masks.get(node.name)![channel] = mask[c];
      }
    });
    return masks;
  };
}
