import { mixesChannels } from '../../graph/layerRole.js';
import type { ChannelGraph, ChannelNode } from '../../graph/channelGraph.js';
import type { KernelWeights, NetworkWeights } from './layerWeights.js';

/** For each layer, a flag for each channel of its output. */
export type ChannelFlags = Map<ChannelNode, boolean[]>;

const flagsOf = (flags: ChannelFlags, node: ChannelNode): boolean[] => flags.get(node) ?? [];
const each = (node: ChannelNode, f: (c: number) => boolean): boolean[] =>
  Array.from({ length: node.channels }, (_, c) => f(c));

/** Whether a channel that arrives at a layer leaves it: not through gamma 0 or a closed gate. */
function passes(node: ChannelNode, c: number, { norms, gates }: NetworkWeights): boolean {
  return norms.get(node)?.gamma?.[c] !== 0 && gates.get(node)?.[c] !== 0;
}

/** The outputs that have a weight other than 0 from one of the marked inputs. */
function reached({ values, inputs, outputs }: KernelWeights, from: boolean[]): boolean[] {
  const to = Array<boolean>(outputs).fill(false);
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== 0 && from[Math.floor(i / outputs) % inputs]) to[i % outputs] = true;
  }
  return to;
}

/** The inputs that have a weight other than 0 to one of the marked outputs. */
function reaching({ values, inputs, outputs }: KernelWeights, to: boolean[]): boolean[] {
  const from = Array<boolean>(inputs).fill(false);
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== 0 && to[i % outputs]) from[Math.floor(i / outputs) % inputs] = true;
  }
  return from;
}

/** The channels that depend on the network's input; the others put out the same for every image. */
export function liveChannels({ nodes }: ChannelGraph, weights: NetworkWeights): ChannelFlags {
  const live: ChannelFlags = new Map();
  for (const node of nodes) {
    const kernel = weights.kernels.get(node);
    if (kernel && !mixesChannels(node.layer)) live.set(node, reached(kernel, flagsOf(live, node.inputs[0])));
    else if (kernel || node.role === 'input' || node.role === 'mix')
      live.set(
        node,
        each(node, () => true),
      );
    else {
      const arrives = (c: number): boolean =>
        node.sources(c).some(({ node: from, channel }) => flagsOf(live, from)[channel]);
      live.set(
        node,
        each(node, (c) => arrives(c) && passes(node, c, weights)),
      );
    }
  }
  return live;
}

/** The channels that an output of the network depends on. */
export function neededChannels({ nodes }: ChannelGraph, weights: NetworkWeights): ChannelFlags {
  const needed: ChannelFlags = new Map(nodes.map((node) => [node, each(node, () => node.output)]));
  for (const node of nodes.toReversed()) {
    const own = flagsOf(needed, node);
    const kernel = weights.kernels.get(node);
    if (kernel) {
      const inputs = flagsOf(needed, node.inputs[0]);
      // Of an activation over all channels, one channel needs all.
      const wanted = mixesChannels(node.layer) ? own.fill(own.includes(true)) : own;
      reaching(kernel, wanted).forEach((flag, c) => (inputs[c] ||= flag));
      continue;
    }
    own.forEach((flag, c) => {
      if (node.role === 'mix') flagsOf(needed, node.inputs[0])[c] = true;
      else if (flag && passes(node, c, weights)) {
        for (const { node: from, channel } of node.sources(c)) flagsOf(needed, from)[channel] = true;
      }
    });
  }
  return needed;
}
