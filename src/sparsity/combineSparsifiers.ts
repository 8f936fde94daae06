import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import type { ChannelMasks } from '../graph/channelGraph.js';
import { closedIn, products, type Sparsifier, type State } from './sparsifier.js';

/**
 * Combines several methods into one: each hook calls the methods' hooks in turn, and masks of the same layer or weight
 * are multiplied, also when closed channels are counted. Throws a UserError for two methods with the same name, and for
 * methods of different networks.
 */
export function combineSparsifiers(...parts: Sparsifier[]): Sparsifier {
  const names = parts.map(({ name }) => name);
  if (new Set(names).size < names.length)
    throw new UserError(`Methods to combine must differ; received ${names.join(', ')}.`);
  const models = new Set(parts.flatMap(({ model }) => model ?? []));
  if (models.size > 1)
    throw new UserError(`Methods to combine must be made for one network; ${names.join(', ')} are not.`);
  const channelMasks = (): ChannelMasks => products(parts.map((part) => part.channelMasks()));
  return {
    name: names.join(' + '),
    model: [...models].at(0),
    parameterGroups: parts.flatMap(({ parameterGroups = [] }) => parameterGroups),
    beforeEpoch: (epoch) => parts.forEach((part) => part.beforeEpoch?.(epoch)),
    penalty: () =>
      tf.tidy(() => tf.addN([tf.scalar(0), ...parts.flatMap((part) => part.penalty?.() ?? [])]).asScalar()),
    onGradients: (...given) => parts.forEach((part) => part.onGradients?.(...given)),
    readsAfterStep: parts.some((part) => part.readsAfterStep),
    afterStep: (...rates) => parts.forEach((part) => part.afterStep?.(...rates)),
    afterEpoch: async () => {
      for (const part of parts) await part.afterEpoch?.();
    },
    channelMasks,
    weightMasks: () => products(parts.map((part) => part.weightMasks?.() ?? new Map<string, Float32Array>())),
    summary: () => {
      const told = parts.map((part) => part.summary?.() ?? {});
      const all = Object.assign({}, ...told) as Record<string, number>;
      return told.filter((each) => 'closed' in each).length < 2
        ? all
        : { ...all, ...closedIn(channelMasks().values()) };
    },
    state: () => Object.fromEntries(parts.map((part) => [part.name, part.state()])),
    restore: (state) => {
      for (const part of parts) {
        if (!(part.name in state))
          throw new UserError(
            `The saved state must have a part of each method; it has none of ${part.name}. Start a new run from the saved weights.`,
          );
        part.restore(state[part.name] as State);
      }
    },
    closedForGood: (...given) => products(parts.map((part) => part.closedForGood?.(...given) ?? new Map())),
    inSmaller: parts.every((part) => part.inSmaller !== undefined)
      ? (network) => combineSparsifiers(...parts.map((part) => part.inSmaller!(network)))
      : undefined,
    dispose: () => parts.forEach((part) => part.dispose?.()),
  };
}
