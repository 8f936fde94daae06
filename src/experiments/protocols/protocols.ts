import { UserError } from '../../errors.js';
import { experimentSchema, type ExperimentSettings } from '../experimentSettings.js';
import { fastRecipe } from '../fastRecipe.js';
import { recipeSchema } from '../recipe.js';
import type { SomeSettings } from '../settings/schema.js';
import { givenIn, settle } from '../settings/settle.js';
import { freezePruneResnet18 } from './freezePruneResnet18.js';
import { istaCnn4, istaResnet20 } from './ista.js';
import { l0GoogleNet } from './l0GoogleNet.js';
import type { RunSettings } from '../runSettings.js';
import type { Protocol, RecipeChoice } from './protocol.js';
import { reprC3 } from './reprC3.js';

const none = { help: 'nothing is set', values: {} };

/** The protocol of the document about each network. */
const documents: Partial<Record<ExperimentSettings['network'], Protocol>> = {
  googlenet: l0GoogleNet,
  resnet20: istaResnet20,
  cnn4: istaCnn4,
  c3: reprC3,
  resnet18: freezePruneResnet18,
};

/**
 * The recipe of the document about a network, with the momentum of batch norm, which depends on the number of steps.
 * Throws a UserError for a network that no document is about.
 */
function publishedRecipe(network: ExperimentSettings['network']): SomeSettings<ExperimentSettings> {
  const document = documents[network];
  if (!document) {
    throw new UserError(
      `recipe=published must be of a network that a document is about: ${Object.keys(documents).join(', ')}; received ` +
        `network=${network}. Take recipe=fast, or give the settings one by one.`,
    );
  }
  const settings = document.experiment(settle(document.schema, []));
  const { bn_momentum, ...others } = settings;
  const ofRecipe = Object.entries(others).filter(([name]) => name in recipeSchema && name !== 'recipe');
  return { ...Object.fromEntries(ofRecipe), ...(bn_momentum === null ? {} : { bn_momentum }) };
}

/** An experiment without a document: its settings are the experiment's own. */
export const anyExperiment: Protocol<ExperimentSettings> = {
  name: 'experiment',
  summary: 'train any network by any methods: network=resnet20 methods=l0 l0.lambda=20',
  schema: experimentSchema,
  presets: { quick: none, short: none, published: none },
  examples: [
    'network=resnet20 methods=l0 l0.lambda=20 l0.lr_gates=0.03 data=synthetic epochs=4',
    'network=cnn4 methods=magnitude magnitude.prune=0.5 optimizer=sgd momentum=0.9 nesterov=true schedule=one-cycle',
    'network=c3 methods=magnitude,freeze magnitude.unit=channels magnitude.prune=0.3 freeze.first=1 data=FOLDER',
    'ckpt_path=CHECKPOINT resume_training=true',
  ],
  recipe({ recipe, network = 'googlenet', starts }: RecipeChoice) {
    if (recipe === 'own') return {};
    return recipe === 'fast' ? fastRecipe(network, starts) : publishedRecipe(network);
  },
  experiment: (settings) => settle(experimentSchema, [], givenIn(settings)),
};

/** The documents' protocols by name, and the experiment without one. */
export const protocols = {
  [l0GoogleNet.name as 'l0-googlenet']: l0GoogleNet,
  [istaResnet20.name as 'ista-resnet20']: istaResnet20,
  [istaCnn4.name as 'ista-cnn4']: istaCnn4,
  [reprC3.name as 'repr-c3']: reprC3,
  [freezePruneResnet18.name as 'freeze-prune-resnet18']: freezePruneResnet18,
  [anyExperiment.name as 'experiment']: anyExperiment,
} as const;

/** The protocol of a name, or of whatever value a file has as the name; undefined if there is none. */
export const findProtocol = (name: unknown): Protocol<RunSettings> | undefined =>
  Object.values(protocols).find((each) => each.name === name) as Protocol<RunSettings> | undefined;

/**
 * Throws a UserError for settings that make several runs, each from the one before, if one run is asked for: it would
 * be only the first of them.
 */
export function checkOneRun<S extends object>({ stages }: Pick<Protocol<S>, 'stages'>, settings: S): void {
  const runs = stages?.(settings) ?? [];
  if (runs.length < 2) return;
  const names = Object.keys(runs[0]).join(', ');
  throw new UserError(
    `${names} must be given where one run is asked for; without it there are ${runs.length}, each from the one before. ` +
      'Make each a run of its own, which starts from the one before.',
  );
}

/** One of the `protocols`. */
export type ProtocolName = keyof typeof protocols;
