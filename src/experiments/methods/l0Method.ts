import type { Method } from './method.js';
import type { RecipeSettings } from '../recipe.js';
import { flag, listOf, number, oneOf, text } from '../../rules.js';
import { lambdaOrTarget, targetSettings, unlessChannelGates, unlessTarget, type TargetSettings } from './targets.js';

/** The settings of L0 gates. */
export interface L0Settings extends TargetSettings {
  droprate_init: number;
  where: string[];
  sampling: 'image' | 'batch';
  reduce: boolean;
  clamp: boolean;
}

/** `methods=l0`. */
export const l0Method: Method<L0Settings, RecipeSettings & { l0: L0Settings; network: string; seed: number }> = {
  settings: {
    lambda: {
      default: 1,
      rule: number({ min: 0 }),
      help: 'the weight of the L0 penalty in the loss',
      conflict: unlessTarget(),
    },
    ...targetSettings,
    droprate_init: {
      default: 0.5,
      rule: number({ above: 0, below: 1 }),
      help: 'how closed the gates start; 0.05 is open (P(mask != 0) = 0.989), 0.5 undecided (0.832)',
    },
    lr_gates: {
      default: ({ lr }) => lr,
      rule: number({ min: 0 }),
      help: 'the learning rate of the gates, lr by default; a step moves log alpha by about this much',
      warning: ({ l0 }) => (l0.lr_gates === 0 ? 'leaves every gate as it starts: none closes' : undefined),
    },
    where: {
      default: [],
      rule: listOf(text("a layer's name")),
      help: 'the layers whose channels get gates; if none is named, all whose channels can be cut out',
      conflict: ({ network }) =>
        network === 'googlenet' ? 'network=googlenet has gates in places of its own' : undefined,
    },
    unstructured: {
      default: false,
      rule: flag,
      help: 'whether each weight of the kernels has a gate, in place of each channel',
      conflict: ({ network }) => (network === 'googlenet' ? undefined : 'only network=googlenet has gates on weights'),
    },
    sampling: {
      default: ({ l0 }) => (l0.unstructured ? 'batch' : 'image'),
      rule: oneOf('image', 'batch'),
      help: "what has its own mask in training, each image or each batch; the paper's code draws one for each batch",
      conflict: ({ l0 }) =>
        l0.unstructured && l0.sampling === 'image'
          ? 'where weights have gates, a batch shares the weights, and so their masks'
          : undefined,
    },
    weighting: {
      default: ({ l0 }) => (l0.target_ms !== null ? 'time' : l0.target_multiply_adds !== null ? 'multiplyAdds' : 'sum'),
      rule: oneOf('sum', 'parameters', 'multiplyAdds', 'time'),
      help: 'what the penalty counts of an open channel: one, or what the channel costs',
      conflict: (settings) => (settings.l0.weighting === 'time' ? unlessChannelGates(settings) : undefined),
    },
    reduce: {
      default: false,
      rule: flag,
      help: 'whether the 1x1 convolutions of GoogleNet that reduce channels have gates too',
      conflict: ({ l0, network }) =>
        network !== 'googlenet'
          ? 'only network=googlenet has such convolutions'
          : l0.unstructured
            ? 'the weights of every kernel have gates'
            : undefined,
    },
    clamp: {
      default: false,
      rule: flag,
      help: "whether log alpha stays within +-ln 100, as in the paper's code",
    },
  },
  async prepare(model, { settings: { l0, seed } }) {
    const { gatesOf } = await import('../../graph/gates.js');
    if (gatesOf(model).length > 0) return model;
    const { withGates } = await import('../../sparsity/withGates.js');
    const { droprate_init, sampling, where } = l0;
    return withGates(model, { droprate_init, sampling, where: where.length > 0 ? where : undefined, seed });
  },
  async build(model, context) {
    const { l0Sparsifier } = await import('../../sparsity/l0.js');
    const { lr_gates, weighting, clamp } = context.settings.l0;
    const goal = await lambdaOrTarget(model, context);
    return l0Sparsifier(model, { lr_gates, weighting, clampLogAlpha: clamp, ...goal });
  },
};
