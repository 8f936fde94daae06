import type * as tf from '@tensorflow/tfjs';
import { kernelGeometry, type KernelGeometry } from './kernels.js';
import { layerRole } from './layerRole.js';
import type { Layer } from './names.js';
import { networkGraph, nodeOf, type LayerNode } from './networkGraph.js';

/** A convolution or dense layer that reads the output channels of another layer. */
export interface ChannelReader {
  layer: Layer;
  geometry: KernelGeometry;
  /** The inputs of its kernel that one channel becomes: one, or one for each position where the image was flattened. */
  inputsOf: (channel: number) => number[];
  /** How many inputs that are. */
  positions: number;
}

/** Where the output channels of a layer go. */
export interface ChannelFlow {
  readers: ChannelReader[];
  /** The layers on the way, which pass them on. */
  passed: Layer[];
  /** Whether they are added to other channels on the way, so that no reader can tell them apart. */
  summed: boolean;
  /** Whether a layer on the way computes every channel from all of them, as softmax does. */
  mixed: boolean;
  /** Whether they are outputs of the model. */
  isOutput: boolean;
}

/** Where a channel lies among the channels of a tensor further down, and at how many positions. */
interface Place {
  offset: number;
  width: number;
  positions: number;
}

const channelsOf = ({ outputShape }: LayerNode): number => outputShape.at(-1) ?? 0;

/** The place of a layer's channels in the output of the next layer; of several, where that reads them twice. */
function passOn(from: LayerNode, { offset, width, positions }: Place, next: LayerNode): Place[] {
  switch (layerRole(next)) {
    case 'concat': {
      const before = (i: number): number => next.inputs.slice(0, i).reduce((sum, input) => sum + channelsOf(input), 0);
      return next.inputs.flatMap((input, i) =>
        input === from ? [{ offset: offset + before(i), width: channelsOf(next), positions }] : [],
      );
    }
    case 'flatten':
      return [{ offset, width, positions: channelsOf(next) / width }];
    default:
      return [{ offset, width, positions }];
  }
}

/**
 * Follows the output channels of a layer down to the convolutions and dense layers that read them, through batch norm,
 * activation, pooling, gates, concatenation, addition and flattening (channels last).
 *
 * Throws a UserError for a layer on the way that cannot be followed, and for one that the network uses more than once.
 */
export function channelFlow(model: tf.LayersModel, layer: Layer): ChannelFlow {
  return flowFrom(nodeOf(networkGraph(model), layer));
}

/** The same from a place of a network's graph on. */
export function flowFrom(start: LayerNode): ChannelFlow {
  const flow: ChannelFlow = { readers: [], passed: [], summed: false, mixed: false, isOutput: false };
  const seen = new Map<LayerNode, Set<number>>();
  const follow = (from: LayerNode, place: Place): void => {
    const offsets = seen.get(from) ?? new Set();
    if (offsets.has(place.offset)) return;
    seen.set(from, offsets.add(place.offset));
    flow.isOutput ||= from.output;
    for (const next of from.readers) {
      const geometry = kernelGeometry(next.layer, next.outputShape);
      if (geometry) {
        const { offset, width, positions } = place;
        const inputsOf = (channel: number): number[] =>
          Array.from({ length: positions }, (_, position) => position * width + offset + channel);
        flow.readers.push({ layer: next.layer, geometry, positions, inputsOf });
        continue;
      }
      const role = layerRole(next);
      flow.passed.push(next.layer);
      flow.summed ||= role === 'add';
      flow.mixed ||= role === 'mix';
      for (const passed of passOn(from, place, next)) follow(next, passed);
    }
  };
  follow(start, { offset: 0, width: channelsOf(start), positions: 1 });
  return flow;
}
