import type * as tf from '@tensorflow/tfjs';
import { consumersOf, kernelGeometry, producersOf, type Layer } from './layerGraph.js';

/** A convolution or dense layer that reads the output channels of another layer. */
export interface ChannelReader {
  layer: Layer;
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
  /** Whether they are outputs of the model. */
  isOutput: boolean;
}

/** Where a channel lies among the channels of a tensor further down, and at how many positions. */
interface Place {
  offset: number;
  width: number;
  positions: number;
}

const channelsOf = (layer: Layer): number => (layer.outputShape as number[]).at(-1) ?? 0;

/** The place of a layer's channels in the output of the next layer. */
function passOn(from: Layer, { offset, width, positions }: Place, next: Layer): Place {
  switch (next.getClassName()) {
    case 'Concatenate': {
      const producers = producersOf(next);
      const before = producers.slice(0, producers.indexOf(from)).reduce((sum, layer) => sum + channelsOf(layer), 0);
      return { offset: offset + before, width: channelsOf(next), positions };
    }
    case 'Flatten':
      return { offset, width, positions: channelsOf(next) / width };
    default:
      return { offset, width, positions };
  }
}

/**
 * Follows the output channels of a layer down to the convolutions and dense layers that read them, through batch norm,
 * activation, pooling, gates, concatenation, addition and flattening (channels last).
 */
export function channelFlow(model: tf.LayersModel, layer: Layer): ChannelFlow {
  const flow: ChannelFlow = { readers: [], passed: [], summed: false, isOutput: false };
  const follow = (from: Layer, place: Place): void => {
    const consumers = consumersOf(model, from);
    flow.isOutput ||= consumers.length === 0;
    for (const next of consumers) {
      if (kernelGeometry(next)) {
        const { offset, width, positions } = place;
        const inputsOf = (channel: number): number[] =>
          Array.from({ length: positions }, (_, position) => position * width + offset + channel);
        flow.readers.push({ layer: next, positions, inputsOf });
      } else {
        flow.passed.push(next);
        flow.summed ||= next.getClassName() === 'Add';
        follow(next, passOn(from, place, next));
      }
    }
  };
  follow(layer, { offset: 0, width: channelsOf(layer), positions: 1 });
  return flow;
}
