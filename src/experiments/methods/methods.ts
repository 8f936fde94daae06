import { reprEpoch } from '../../sparsity/schedules.js';
import { l0Method, type L0Settings } from './l0Method.js';
import { magnitudeMethod, type MagnitudeSettings } from './magnitudeMethod.js';
import type { Method } from './method.js';
import type { RecipeSettings } from '../recipe.js';
import { flag, number, oneOf, wholeNumber } from '../../rules.js';
import type { AnySetting, Schema } from '../settings/schema.js';
import { timesFor } from './targets.js';

/** The settings of all methods, each method's in a group of its own. */
export interface MethodSettings {
  l0: L0Settings;
  ista: {
    l1_penalty: number;
    alpha: number;
    log_frequency: number;
    weighting: 'memory' | 'parameters' | 'multiplyAdds' | 'time';
    time_images: number;
    published_costs: boolean;
  };
  repr: {
    S1: number;
    S2: number;
    prune_ratio: number;
    ranking: 'global' | 'perLayer' | 'depthNormalised';
    reverse: boolean;
    next_layer: 'zero' | 'random' | 'keep';
    scaling: 'clip' | 'rescale';
    bias_trains: boolean;
  };
  magnitude: MagnitudeSettings;
  freeze: { first: number; batch_norm: boolean };
}

/** The name of a method: `methods=l0`. */
export type MethodName = keyof MethodSettings;

/** What the settings of methods may depend on: each other, and these settings of an experiment. */
export interface MethodSurroundings extends MethodSettings, RecipeSettings {
  methods: MethodName[];
  network: string;
  start: { rewind: boolean };
  seed: number;
}

/**
 * The sparsity methods by name. To add one: its file in sparsity/, an entry here, and its test. Their code is imported
 * when needed: settings and help need no tensors.
 */
export const methods: { readonly [Name in MethodName]: Method<MethodSettings[Name], MethodSurroundings> } = {
  l0: l0Method,
  ista: {
    settings: {
      l1_penalty: {
        default: 0.001,
        rule: number({ min: 0 }),
        help: 'the L1 penalty: how much of the learning rate, times the cost of its channel, each gamma loses in a step',
      },
      alpha: {
        default: 1,
        rule: number({ above: 0 }),
        help: 'the factor on all gammas at the start, taken back from the next weights; smaller ones reach 0 sooner',
      },
      log_frequency: {
        default: 100,
        rule: wholeNumber({ min: 1 }),
        help: 'after how many steps the gammas are noted',
        warning: ({ ista: { log_frequency } }, { steps }) =>
          log_frequency > steps && log_frequency !== 100
            ? `is more than the run has, ${steps}: its log has no line`
            : undefined,
      },
      weighting: {
        default: 'memory',
        neutral: 'memory',
        rule: oneOf('memory', 'parameters', 'multiplyAdds', 'time'),
        help: "what a channel costs: the paper's values and entries in memory, or its share of something else",
      },
      time_images: {
        default: 1,
        neutral: 1,
        rule: wholeNumber({ min: 1 }),
        help: 'how many images the passes have whose time counts',
        conflict: ({ ista }) => (ista.weighting === 'time' ? undefined : 'nothing is timed without weighting=time'),
      },
      published_costs: {
        default: false,
        rule: flag,
        help: "whether CNN-4's third layer costs what it does in the project's code, instead of what the rule gives",
      },
    },
    async build(model, context) {
      const [{ istaSparsifier }, { channelTimes }] = await Promise.all([
        import('../../sparsity/ista.js'),
        import('../../compact/time/predictedTime.js'),
      ]);
      const { l1_penalty, weighting, time_images, published_costs: publishedCosts } = context.settings.ista;
      const shared = { l1_penalty, publishedCosts, weighting };
      if (weighting !== 'time') return istaSparsifier(model, shared);
      const { times, keeps } = await timesFor('ISTA', model, time_images, context);
      return istaSparsifier(model, { ...shared, times: channelTimes(model, times), keeps });
    },
  },
  repr: {
    settings: {
      S1: {
        default: 20,
        rule: wholeNumber({ min: 1 }),
        help: 'epochs before each pruning, in which all filters train',
        warning: ({ repr: { S1 } }, { epochs }) =>
          S1 >= epochs ? `is as long as the run of ${epochs} epochs or longer: nothing is pruned` : undefined,
      },
      S2: {
        default: 10,
        rule: wholeNumber({ min: 1 }),
        help: 'epochs after it, in which only the others train',
        warning: ({ repr }, { epochs }) =>
          reprEpoch(epochs - 1, repr).phase === 'S2'
            ? `is not over when the run of ${epochs} epochs ends: the filters that are off then stay off, and are not re-initialised`
            : undefined,
      },
      prune_ratio: {
        default: 0.3,
        rule: number({ min: 0, below: 1 }),
        help: 'the share of the filters that each pruning switches off',
      },
      ranking: {
        default: 'global',
        rule: oneOf('global', 'perLayer', 'depthNormalised'),
        help: "what scores are compared with: all filters', their layer's, or all in units of random filters' scores",
      },
      reverse: { default: false, rule: flag, help: 'whether the most orthogonal filters are pruned instead' },
      next_layer: {
        default: 'zero',
        rule: oneOf('zero', 'random', 'keep'),
        help: 'which weights the next layer gets for a filter that comes back; keep is what the project calls random',
      },
      scaling: {
        default: 'clip',
        rule: oneOf('clip', 'rescale'),
        help: 'how new filters are brought within the bounds of start values; rescaled ones stay orthogonal',
      },
      bias_trains: {
        default: false,
        rule: flag,
        help: 'whether biases of filters that are off train on, so that they give relu(bias)',
      },
    },
    async build(model, { settings: { repr }, seed }) {
      const { reprSparsifier } = await import('../../sparsity/repr.js');
      const { next_layer: nextLayer, bias_trains: biasTrains, ...options } = repr;
      return reprSparsifier(model, { ...options, nextLayer, biasTrains, seed });
    },
    settled: () => 0,
  },
  magnitude: magnitudeMethod,
  freeze: {
    settings: {
      first: {
        default: 0.1,
        rule: number({ above: 0 }),
        help: 'the kernels that stay as they are: the first so many, or below 1 that share of them, rounded up',
      },
      batch_norm: {
        default: true,
        rule: flag,
        help: 'whether the batch norm after a frozen kernel is frozen too, running statistics included',
      },
    },
    async build(model, { settings: { freeze } }) {
      const { freezeSparsifier } = await import('../../sparsity/freeze.js');
      return freezeSparsifier(model, { first: freeze.first, batchNorm: freeze.batch_norm });
    },
    settled: () => 0,
  },
};

export const methodNames = Object.keys(methods) as MethodName[];

/** The settings of a method, each refused unless the method is chosen. */
function whereChosen(name: MethodName): object {
  const settings = Object.entries(methods[name].settings as Record<string, AnySetting>);
  const conflict = (own: AnySetting['conflict']) => (all: object) =>
    (all as MethodSurroundings).methods.includes(name) ? own?.(all) : `methods does not include ${name}`;
  return Object.fromEntries(
    settings.map(([key, setting]) => [key, { ...setting, conflict: conflict(setting.conflict) }]),
  );
}

/** The settings of all methods, as groups of an experiment's. */
export const methodSettings = Object.fromEntries(methodNames.map((name) => [name, whereChosen(name)])) as {
  readonly [Name in MethodName]: Schema<MethodSettings[Name], MethodSurroundings>;
};

/**
 * The first epoch that can be the best: the one by which all methods have removed what they remove. undefined if a
 * method does not declare it, or there are no methods.
 */
export function bestFrom(settings: MethodSurroundings): number | undefined {
  const settled = settings.methods.map((name) => methods[name].settled?.(settings));
  return settled.length === 0 || settled.includes(undefined) ? undefined : Math.max(...(settled as number[]));
}
