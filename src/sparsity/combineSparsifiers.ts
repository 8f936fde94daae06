import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import type { Sparsifier, State } from './sparsifier.js';

type Masks = ReadonlyMap<string, Float32Array>;

/** All masks; of two with one name, the product. */
export function products(all: readonly Masks[]): Masks {
  const masks = new Map<string, Float32Array>();
  for (const [name, mask] of all.flatMap((each) => [...each])) {
    const other = masks.get(name);
    masks.set(name, other ? mask.map((value, i) => value * other[i]) : mask);
  }
  return masks;
}

/**
 * Several methods as one: each hook calls theirs in turn, and where two have a mask of the same thing, their product
 * counts. Throws a UserError for two methods of one name.
 */
export function combineSparsifiers(...parts: Sparsifier[]): Sparsifier {
  const names = parts.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new UserError(`Methods to combine differ, got ${names.join(', ')}.`);
  return {
    name: names.join(' + '),
    parameterGroups: parts.flatMap(({ parameterGroups = [] }) => parameterGroups),
    beforeEpoch: (epoch) => parts.forEach((part) => part.beforeEpoch?.(epoch)),
    penalty: () =>
      tf.tidy(() => tf.addN([tf.scalar(0), ...parts.flatMap((part) => part.penalty?.() ?? [])]).asScalar()),
    onGradients: (gradients) => parts.forEach((part) => part.onGradients?.(gradients)),
    afterStep: (learningRate) => parts.forEach((part) => part.afterStep?.(learningRate)),
    channelMasks: () => products(parts.map((part) => part.channelMasks())),
    weightMasks: () => products(parts.map((part) => part.weightMasks?.() ?? new Map<string, Float32Array>())),
    summary: () => Object.assign({}, ...parts.map((part) => part.summary?.())) as Record<string, number>,
    state: () => Object.fromEntries(parts.map((part) => [part.name, part.state()])),
    restore: (state) => {
      for (const part of parts) {
        if (!(part.name in state)) throw new UserError(`The saved state has nothing of ${part.name}.`);
        part.restore(state[part.name] as State);
      }
    },
    dispose: () => parts.forEach((part) => part.dispose?.()),
  };
}
