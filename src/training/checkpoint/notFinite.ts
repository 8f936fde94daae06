import type { State } from '../../sparsity/sparsifier.js';
import type { TrainedState } from './checkpoint.js';

/** The first weight, or array of the optimizer, with a value that is not finite, in words; undefined if all is well. */
export function notFinite({ weights, optimizer, averages = {} }: TrainedState): string | undefined {
  for (const [name, { values }] of weights) if (!finite(values)) return `the weight ${name}`;
  return notFiniteIn(optimizer.state, `${optimizer.name}'s memory of`) ?? notFiniteIn(averages, 'the');
}

function notFiniteIn(state: State, words: string): string | undefined {
  for (const [name, value] of Object.entries(state)) {
    if (value instanceof Float32Array) {
      if (!finite(value)) return `${words} (${name})`;
    } else if (typeof value === 'object' && value !== null) {
      const found = notFiniteIn(value, `${words} ${name}`);
      if (found) return found;
    }
  }
  return undefined;
}

function finite(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
