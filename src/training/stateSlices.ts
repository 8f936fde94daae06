import type * as tf from '@tensorflow/tfjs';
import type { SavedTensor } from '../formats/safetensors.js';
import type { SmallerNetwork } from '../graph/channelGraph.js';
import { layerNames, weightNames } from '../graph/names.js';
import type { State } from '../sparsity/sparsifier.js';
import type { TrainedState } from './checkpoint/checkpoint.js';

/**
 * The remaining part of a weight: its name and size in the whole network, its name and shape in the smaller one, and
 * the entries of the whole weight that it keeps.
 */
interface Slice {
  whole: { name: string; size: number };
  small: { name: string; shape: number[] };
  entries: Uint32Array;
}

const isState = (value: State[string] | undefined): value is State =>
  typeof value === 'object' && value !== null && !(value instanceof Float32Array);

/**
 * Converts the state of a network's training to that of a smaller network and back. Everything that is stored under a
 * weight's name with the weight's entries is cut in the same way: the weight itself, an optimizer's memory, averages,
 * masks.
 */
export class StateSlices {
  private readonly ofWhole = new Map<string, Slice>();
  private readonly ofSmall = new Map<string, Slice>();
  /** The names of the weights and layers that the smaller network does not have. */
  private readonly gone = new Set<string>();

  constructor(model: tf.LayersModel, smaller: SmallerNetwork) {
    const smallNames = weightNames(smaller.model);
    for (const [weight, name] of weightNames(model)) {
      const left = smaller.weights.get(weight);
      if (!left) {
        this.gone.add(name);
        continue;
      }
      const small = { name: smallNames.get(left.weight)!, shape: left.weight.shape as number[] };
      const slice = { whole: { name, size: weight.read().size }, small, entries: left.entries };
      this.ofWhole.set(name, slice);
      this.ofSmall.set(small.name, slice);
    }
    for (const [layer, name] of layerNames(model)) if (!smaller.layers.has(layer)) this.gone.add(name);
  }

  /** The smaller network's part of the whole network's state. */
  pick({ weights, draws, optimizer, sparsifier, averages }: TrainedState): TrainedState {
    return {
      weights: new Map(
        [...this.ofSmall].map(([name, slice]): [string, SavedTensor] => {
          const { values } = weights.get(slice.whole.name)!;
          return [name, { shape: slice.small.shape, values: picked(values as Float32Array, slice) }];
        }),
      ),
      draws: Object.fromEntries(Object.entries(draws).filter(([name]) => !this.gone.has(name))),
      optimizer: { ...optimizer, state: this.pickState(optimizer.state) },
      sparsifier: sparsifier && { ...sparsifier, state: this.pickState(sparsifier.state) },
      averages: averages && this.pickState(averages),
    };
  }

  /**
   * The state of the whole network after that of the smaller one has become `small`; the cut parts stay as in `whole`.
   */
  put(whole: TrainedState, small: TrainedState): TrainedState {
    const weights = new Map(whole.weights);
    for (const [name, { values }] of small.weights) {
      const slice = this.ofSmall.get(name)!;
      const { shape, values: before } = whole.weights.get(slice.whole.name)!;
      weights.set(slice.whole.name, { shape, values: filled(before as Float32Array, values as Float32Array, slice) });
    }
    const state = (before: State | undefined, now: State): State => this.putState(before ?? {}, now);
    const { optimizer, sparsifier, averages } = small;
    return {
      weights,
      draws: { ...whole.draws, ...small.draws },
      optimizer: { ...optimizer, state: state(whole.optimizer.state, optimizer.state) },
      sparsifier: sparsifier && { ...sparsifier, state: state(whole.sparsifier?.state, sparsifier.state) },
      averages: averages && state(whole.averages, averages),
    };
  }

  /** `slice` is the slice of the weight under whose name the state is stored, if any. */
  private pickState(state: State, slice?: Slice): State {
    const left = Object.entries(state).filter(([key]) => !this.gone.has(key));
    return Object.fromEntries(
      left.map(([key, value]): [string, State[string]] => {
        const own = this.ofWhole.get(key);
        const here = own ?? slice;
        const name = own?.small.name ?? key;
        if (isState(value)) return [name, this.pickState(value, here)];
        return [name, value instanceof Float32Array && here ? picked(value, here) : value];
      }),
    );
  }

  private putState(whole: State, small: State, slice?: Slice): State {
    const state = Object.fromEntries(Object.entries(whole).filter(([key]) => this.gone.has(key)));
    for (const [key, value] of Object.entries(small)) {
      const own = this.ofSmall.get(key);
      const here = own ?? slice;
      const name = own?.whole.name ?? key;
      const before = whole[name] as State[string] | undefined;
      if (isState(value)) state[name] = this.putState(isState(before) ? before : {}, value, here);
      else if (value instanceof Float32Array && here) state[name] = filled(before as Float32Array, value, here);
      else state[name] = value;
    }
    return state;
  }
}

const picked = (values: Float32Array, { entries }: Slice): Float32Array =>
  Float32Array.from(entries, (entry) => values[entry]);

/** A copy of `before`, or zeros, with the new values in their places. */
function filled(before: Float32Array | undefined, values: Float32Array, { whole, entries }: Slice): Float32Array {
  const all = before?.slice() ?? new Float32Array(whole.size);
  entries.forEach((entry, i) => (all[entry] = values[i]));
  return all;
}
