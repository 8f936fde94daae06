import * as tf from '@tensorflow/tfjs';
import type { DataSplits } from '../data/dataSplits.js';
import { UserError } from '../errors.js';
import type { ExperimentSettings } from './experimentSettings.js';
import { ownNetwork } from './run/identity.js';
import type { MethodName, MethodSettings } from './methods/methods.js';
import { protocolSettings, type Protocol } from './protocols/protocol.js';
import { checkOneRun, findProtocol, protocols, type ProtocolName } from './protocols/protocols.js';
import type { RecipeSettings } from './recipe.js';
import { Run } from './run/run.js';
import type { SomeSettings } from './settings/schema.js';
import { givenIn, type Given } from './settings/settle.js';

/** The parts of an experiment that can be objects. */
interface GivenParts {
  /** Images, or the name of a data set to load. */
  data?: DataSplits | string;
  /** The start weights: a run, which is trained first if necessary, the path of a checkpoint, or a network. */
  start?: Run | string | tf.LayersModel;
  /** The folder in which the run's folder is made. Default: data/runs. */
  root?: string;
}

/** A method, or a method with settings: `'l0'`, `{ name: 'l0', lambda: 20 }`. */
export type MethodSpec = { [Name in MethodName]: Name | ({ name: Name } & Partial<MethodSettings[Name]>) }[MethodName];

/** An experiment as data: network, data, methods, recipe and seed, each a name with settings or an object. */
export interface ExperimentSpec extends GivenParts {
  network:
    | ExperimentSettings['network']
    | tf.LayersModel
    | ({ name: ExperimentSettings['network'] } & SomeSettings<
        Pick<ExperimentSettings, 'model' | 'width' | 'bn_momentum' | 'weights' | 'frozen_batch_norm'>
      >);
  methods?: MethodSpec | readonly MethodSpec[];
  recipe?: Partial<RecipeSettings>;
  sizes?: SomeSettings<ExperimentSettings['sizes']>;
  checkpoints?: SomeSettings<ExperimentSettings['checkpoints']>;
  seed?: number;
  again?: boolean;
  name?: string;
  tags?: string[];
}

type OwnSettings<P extends ProtocolName> = (typeof protocols)[P] extends Protocol<infer S> ? SomeSettings<S> : never;

/** A document's protocol with its settings. */
export type ProtocolSpec = {
  [P in Exclude<ProtocolName, 'experiment'>]: { protocol: P } & GivenParts & Omit<OwnSettings<P>, 'data'>;
}[Exclude<ProtocolName, 'experiment'>];

/** Throws a UserError for settings of images that are loaded by name if the images themselves are given. */
function checkGiven(given: readonly Given[], images: DataSplits | undefined): void {
  const named = given.find(({ name }) => name.startsWith('sizes.') || ['image_size', 'classes'].includes(name));
  if (!images || !named) return;
  throw new UserError(
    `${named.name} is of images that data names; here the images themselves are given (${images.name}). ` +
      'Leave it out, or make the images so: loadData and dataFromArrays take sizes.',
  );
}

/** The settings of a spec that does not name a protocol. */
function settingsOf({ network, methods = [], recipe = {}, data, start: _, root: __, ...rest }: ExperimentSpec): object {
  const named = [methods].flat().map((method) => (typeof method === 'string' ? { name: method } : method));
  const groups = named.map(({ name, ...settings }) => [name, settings] as const);
  const { name = undefined, ...ofNetwork } =
    typeof network === 'string' ? { name: network } : network instanceof tf.LayersModel ? { name: 'own' } : network;
  return {
    ...rest,
    ...recipe,
    ...ofNetwork,
    network: name,
    methods: named.map((method) => method.name),
    ...Object.fromEntries(groups.filter(([, settings]) => Object.keys(settings).length > 0)),
    ...(typeof data === 'string' && { data }),
  };
}

/**
 * Returns the run of an experiment; training starts when its events are read. Two forms: a document's protocol with
 * settings in the document's spelling,
 *
 *     experiment({ protocol: 'l0-googlenet', data: images, lambda_l0: 20, start: 'CHECKPOINT' })
 *
 * or any network with any methods:
 *
 *     experiment({ network: model, data: images, methods: { name: 'magnitude', prune: 0.5 }, recipe: { epochs: 3 } })
 *
 * The network is copied: training does not change the given one. Throws a UserError for an unknown name, a value that
 * breaks its rule, and settings that contradict each other. The caller disposes the run.
 */
export function experiment(spec: ExperimentSpec | ProtocolSpec): Run {
  const { data, start, root } = spec;
  const images = typeof data === 'object' ? data : undefined;
  const starts = start !== undefined;
  if ('protocol' in spec) {
    const { protocol: name, data: _, start: __, root: ___, ...own } = spec;
    const protocol = findProtocol(name) as Protocol | undefined;
    if (!protocol) {
      throw new UserError(
        `The protocol must be one of ${Object.keys(protocols).join(', ')}; received ${String(name)}.`,
      );
    }
    const given = givenIn({ ...own, ...(typeof data === 'string' && { data }) });
    checkGiven(given, images);
    const settings = protocolSettings(protocol, given, starts);
    checkOneRun(protocol, settings);
    return new Run({ protocol, settings, images, start, root });
  }
  const protocol = protocols.experiment as Protocol;
  const given = givenIn(settingsOf(spec));
  checkGiven(given, images);
  const settings = protocolSettings(protocol, given, starts);
  const own = spec.network instanceof tf.LayersModel ? ownNetwork(spec.network) : undefined;
  return new Run({ protocol, settings, images, start, own, root });
}
