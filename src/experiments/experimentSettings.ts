import { methodSettings, methodNames, type MethodName, type MethodSettings } from './methods/methods.js';
import { networkNames, networksWithMomentum, type NetworkName } from './namedNetworks.js';
import { recipeSchema, type RecipeSettings } from './recipe.js';
import { runSchema, type RunSettings } from './runSettings.js';
import { flag, listOf, number, oneOf, orNull, setOf, text, wholeNumber } from '../rules.js';
import type { Schema } from './settings/schema.js';

interface NetworkSettings {
  /** `own` is a network that was given as a `tf.LayersModel` or in a file. */
  network: NetworkName | 'own';
  model: string | null;
  width: number;
  bn_momentum: number | null;
  weights: string | null;
  frozen_batch_norm: boolean;
  start: { except: string[]; compact: boolean; absorb: 'exact' | 'interior' | 'none'; rewind: boolean };
}

/** Whether closed channels are cut out during training, which makes it faster. */
interface CuttingSettings {
  cut_channels: boolean;
  cut_probability: number;
}

/** An experiment in full: a network, data, methods, a recipe and a seed, as plain values. */
export interface ExperimentSettings
  extends RunSettings, NetworkSettings, RecipeSettings, CuttingSettings, MethodSettings {
  methods: MethodName[];
  seed: number;
}

const networkSchema: Schema<NetworkSettings, ExperimentSettings> = {
  network: {
    default: 'googlenet',
    rule: oneOf(...networkNames, 'own'),
    help: 'the network, own for one of tf.layers in a file (model)',
  },
  model: {
    default: null,
    rule: orNull(text('the path of a model.json, or of the folder that holds it'), 'none'),
    help: 'where the network of network=own is, in TensorFlow.js format; training starts from its weights',
    conflict: ({ network }) => (network === 'own' ? undefined : `network=${network} is built by its name`),
  },
  width: {
    default: 1,
    rule: number({ above: 0, max: 8 }),
    help: "the factor on every layer's number of channels",
    conflict: ({ network }) => (network === 'own' ? 'network=own has the widths it was built with' : undefined),
  },
  bn_momentum: {
    default: null,
    rule: orNull(number({ above: 0, max: 1 }), "the network's own"),
    help: 'the share of a new batch in the running statistics of batch norm',
    conflict: ({ network }) =>
      networksWithMomentum.includes(network)
        ? undefined
        : `network=${network} has a momentum of its own, or no batch norm`,
  },
  weights: {
    default: null,
    rule: orNull(text('the path of a safetensors file'), 'new weights'),
    help: "where ResNet-18's start weights are, in torchvision's or timm's naming",
    conflict: ({ network }) => (network === 'resnet18' ? undefined : `network=${network} does not read such a file`),
  },
  frozen_batch_norm: {
    default: false,
    rule: flag,
    help: 'whether all batch norm stays as in evaluation during training',
  },
  start: {
    except: {
      default: [],
      rule: listOf(text("a layer's name")),
      help: 'layers that get new weights while the others start from the network of ckpt_path',
      conflict: ({ start }) =>
        start.except.length === 0
          ? undefined
          : start.compact
            ? 'start.compact=true takes all layers from that network'
            : start.rewind
              ? 'start.rewind=true starts all layers anew'
              : undefined,
    },
    compact: {
      default: false,
      rule: flag,
      help: 'whether the network of ckpt_path is made compact first, and then trained',
      conflict: ({ start }) =>
        start.compact && start.rewind ? 'start.rewind=true starts with new weights for the whole network' : undefined,
    },
    absorb: {
      default: 'exact',
      rule: oneOf('exact', 'interior', 'none'),
      help: 'what happens to the constant outputs of removed channels; interior leaves an error at the borders',
      conflict: ({ start }) => (start.compact ? undefined : 'start.compact=false removes none'),
    },
    rewind: {
      default: false,
      rule: flag,
      help: 'whether the network of ckpt_path only decides what is pruned, and training starts from new weights (lottery ticket)',
      conflict: ({ start, methods, magnitude }) =>
        start.rewind && !(methods.includes('magnitude') && magnitude.prune > 0)
          ? 'nothing is pruned by its weights: that takes methods=magnitude and magnitude.prune'
          : undefined,
    },
  },
};

const cuttingSchema: Schema<CuttingSettings, ExperimentSettings> = {
  cut_channels: {
    default: false,
    neutral: false,
    rule: flag,
    help: 'whether channels that are closed for good are cut out before each epoch, so that training gets faster',
    conflict: (settings) => (settings.cut_channels ? cutsNothing(settings) : undefined),
  },
  cut_probability: {
    default: 0.2,
    neutral: 0.2,
    rule: number({ min: 0, max: 0.3 }),
    help: 'the probability of being open in training, below which a closed gate is closed for good',
    conflict({ cut_channels, methods }) {
      if (!cut_channels) return 'cut_channels=false cuts nothing';
      return methods.includes('l0') ? undefined : 'only gates have such a probability';
    },
  },
};

/** Why no channel is closed for good or can be cut out in training; undefined if channels can. */
function cutsNothing({ methods, l0, magnitude }: ExperimentSettings): string | undefined {
  if (methods.includes('repr')) return 'filters that RePr switches off come back';
  if (methods.includes('ista')) return 'a channel that ISTA closes may come back';
  if (methods.includes('l0')) return l0.unstructured ? 'gates on single weights close no channels' : undefined;
  if (!methods.includes('magnitude')) return 'methods must include l0 or magnitude, which close channels for good';
  if (magnitude.unit === 'weights') return 'what is pruned is single weights, not channels';
  return magnitude.unfreeze_epoch === null ? undefined : 'what is pruned may move from unfreeze_epoch on';
}

/** All settings of an experiment, each declared once: its rule, default, help and conflicts. */
export const experimentSchema: Schema<ExperimentSettings> = {
  ...runSchema,
  ...networkSchema,
  ...recipeSchema,
  methods: {
    default: [],
    rule: setOf(oneOf(...methodNames)),
    help: 'the sparsity methods; several can be combined',
    conflict({ methods, freeze }) {
      if (!methods.includes('freeze')) return undefined;
      if (methods.includes('repr')) return 'RePr gives filters new values, and those of frozen kernels could not learn';
      return methods.includes('ista') && freeze.batch_norm
        ? 'ISTA shrinks gammas that freeze.batch_norm=true is to keep; freeze.batch_norm=false leaves them to it'
        : undefined;
    },
  },
  ...methodSettings,
  ...cuttingSchema,
  seed: { default: 0, rule: wholeNumber({ min: 0 }), help: 'the start of all random numbers' },
};
