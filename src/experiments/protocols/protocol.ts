import { experimentSchema, type ExperimentSettings } from '../experimentSettings.js';
import { fastRecipe } from '../fastRecipe.js';
import type { RunSettings } from '../runSettings.js';
import { oneOf, type Rule } from '../../rules.js';
import { defaultOf, settingsOf } from '../settings/schema.js';
import type { AnySetting, RunLength, Schema, Setting, SettingValue, SomeSettings } from '../settings/schema.js';
import { givenIn, put, settingWarnings, settle, type Given } from '../settings/settle.js';

/** The size of a protocol's run: about a minute, within an hour, or as it was published. */
export type PresetName = 'quick' | 'short' | 'published';

/** The defaults that a size changes. */
export interface Preset<S> {
  help: string;
  values: SomeSettings<S>;
  /** Further changes if a run starts from the weights of another run. */
  fineTuning?: SomeSettings<S>;
}

/** The settings of every protocol besides its own. */
export interface ProtocolSettings extends Omit<RunSettings, 'half'>, Pick<ExperimentSettings, 'recipe'> {
  preset: PresetName;
}

/**
 * A document's protocol: an experiment whose settings have the document's names and defaults. `sparsebook train NAME`
 * and `experiment({ protocol: NAME })` know it by its name.
 */
export interface Protocol<S extends object = object> {
  readonly name: string;
  readonly summary: string;
  readonly schema: Schema<S, never>;
  readonly presets: Readonly<Record<PresetName, Preset<S>>>;
  /** Arguments of `sparsebook train NAME` to show as examples. */
  readonly examples: readonly string[];
  /** The settings of consecutive runs, each from the last checkpoint of the one before; default: one run. */
  stages?(settings: S): SomeSettings<S>[];
  /** Warnings before the first step, besides those about settings that the run is too short for. */
  warnings?(settings: S, starts: 'anew' | 'from a network'): string[];
  /** The values that a recipe gives these settings, for a network if the protocol takes any. */
  recipe(choice: RecipeChoice): SomeSettings<S>;
  /** The experiment that the settings describe. */
  experiment(settings: S): ExperimentSettings;
}

/** The settings that decide which recipe's values hold unless others are given. */
export interface RecipeChoice extends Pick<ExperimentSettings, 'recipe'> {
  network?: ExperimentSettings['network'];
  starts: 'anew' | 'from a network';
}

/** Warnings about a run of the protocol before its first step, one sentence each. */
export function protocolWarnings(
  protocol: Protocol,
  settings: object,
  { starts, run }: { starts: 'anew' | 'from a network'; run: RunLength },
): string[] {
  return [...settingWarnings(protocol.schema, settings, run), ...(protocol.warnings?.(settings, starts) ?? [])];
}

export type Paths<S> = {
  [K in keyof S & string]: S[K] extends SettingValue ? K : `${K}.${keyof S[K] & string}`;
}[keyof S & string];
export type At<P extends string> = P extends `${infer G}.${infer N}`
  ? ExperimentSettings[G & keyof ExperimentSettings][N & keyof ExperimentSettings[G & keyof ExperimentSettings]]
  : ExperimentSettings[P & keyof ExperimentSettings];

/** A setting of the experiment under the protocol's name for it. */
export interface Renamed<P extends string> extends Own<At<P>> {
  of: P;
}

/** What a protocol changes in an experiment's setting. */
export interface Own<T> {
  default?: T | ((settings: never) => T);
  rule?: Rule<T>;
  help?: string;
  /** A further reason not to give it; null: not even the experiment's reason counts. */
  conflict?: ((settings: never) => string | undefined) | null;
  /** Published values: no warning says that a run is too short for them. */
  published?: readonly T[];
}

/** A setting of the experiment, with the protocol's changes. */
export const of = <const P extends Paths<ExperimentSettings>>(path: P, own: Own<At<P>> = {}): Renamed<P> => ({
  of: path,
  ...own,
});

/** Ways of training that no document names, each with the experiment's default. */
export const waysOfTraining = {
  schedule: of('schedule'),
  milestones: of('milestones'),
  decay_epochs: of('decay_epochs'),
  lr_decay: of('lr_decay'),
  label_smoothing: of('label_smoothing'),
  ema_decay: of('ema_decay'),
  progressive_resizing: of('progressive_resizing'),
  tta: of('tta'),
};

/** Settings of a protocol: the experiment's renamed, its own, and groups of both. */
export type Fields = Readonly<Record<string, object>>;

/** The settings that fields describe. */
export type SettingsOf<F> = {
  -readonly [K in keyof F]: F[K] extends { of: infer P extends string }
    ? At<P>
    : F[K] extends { rule: Rule<infer T> }
      ? T
      : SettingsOf<F[K]>;
};

/** The values of an experiment's settings that a protocol's settings, possibly incomplete, give under other names. */
function renamed(fields: object, settings: object): object {
  const values = {};
  const read = (part: object, from: Record<string, unknown>): void => {
    for (const [name, field] of Object.entries(part) as [string, object][]) {
      if (from[name] === undefined) continue;
      if ('of' in field) put(values, field.of as string, from[name] as SettingValue);
      else if (!('rule' in field)) read(field, from[name] as Record<string, unknown>);
    }
  };
  read(fields, settings as Record<string, unknown>);
  return values;
}

/** A field that renames a setting of unknown type. */
type Named = Omit<Partial<AnySetting>, 'conflict'> & {
  of: string;
  conflict?: AnySetting['conflict'] | null;
  published?: unknown[];
};

/** The fields as settings, each with a rule, a default and help. */
function schemaOf(fields: object, all: object, full: (settings: object) => object): object {
  const known = settingsOf(experimentSchema);
  return Object.fromEntries(
    (Object.entries(fields) as [string, object][]).map(([name, field]): [string, object] => {
      if ('rule' in field && !('of' in field)) return [name, field];
      if (!('of' in field)) return [name, schemaOf(field, all, full)];
      const { of: path, published = [], conflict, ...own } = field as Named;
      const setting = known.get(path)!;
      const isPublished = (settings: object): boolean => {
        const value = givenIn(settings).find((given) => given.name === name)?.value;
        return published.some((each) => String(each) === String(value));
      };
      const merged: AnySetting = {
        rule: setting.rule,
        help: setting.help,
        default: (settings) => defaultOf(setting, renamed(all, settings)),
        ...own,
        conflict: (settings) =>
          conflict === null ? undefined : (conflict?.(settings) ?? setting.conflict?.(full(settings))),
        warning: (settings: object, run: RunLength) =>
          isPublished(settings) ? undefined : setting.warning?.(full(settings), run),
      };
      return [name, merged];
    }),
  );
}

type Values = SomeSettings<ExperimentSettings>;

interface ProtocolParts<F extends Fields, S> extends Pick<Protocol<S & object>, 'name' | 'summary' | 'examples'> {
  network: ExperimentSettings['network'];
  /** Its settings, first those on which the defaults of others depend. */
  fields: F;
  presets: Record<PresetName, Preset<S>>;
  stages?: (settings: S) => SomeSettings<S>[];
  warnings?: (settings: S, starts: 'anew' | 'from a network') => string[];
  /** The experiment's settings that no field gives. */
  experiment: (settings: S) => SomeSettings<ExperimentSettings>;
}

/** Makes a protocol: its schema comes from the experiment's, so that a setting is declared once. */
export function protocol<const F extends Fields>(
  parts: ProtocolParts<F, ProtocolSettings & SettingsOf<F>>,
): Protocol<ProtocolSettings & SettingsOf<F>> {
  type S = ProtocolSettings & SettingsOf<F>;
  const { fields, experiment, network, presets, ...rest } = parts;
  const shared = Object.keys(experimentSchema).filter((name) => runNames.includes(name));
  const all: Fields = { ...(Object.fromEntries(shared.map((name) => [name, groupOf(name)])) as Fields), ...fields };
  const known = new WeakMap<object, ExperimentSettings>();
  const names = namesIn(all);
  const full = (settings: object): ExperimentSettings => {
    const before = known.get(settings);
    if (before) return before;
    const fixed = experiment(settings as S);
    const { augment, ...fast } = (settings as S).recipe === 'fast' ? fastRecipe(network, 'anew') : ({} as Values);
    // A protocol without augmentation has none with the recipe either.
    const changes = augment && fixed.augment?.length !== 0 ? { augment } : {};
    const unnamed = Object.entries({ ...fast, ...changes }).filter(([name]) => !names.has(name));
    const parts = [renamed(all, settings), { network }, fixed, Object.fromEntries(unnamed)];
    const found = settle<ExperimentSettings>(
      experimentSchema,
      [],
      parts.flatMap((part) => givenIn(part)),
    );
    known.set(settings, found);
    return found;
  };
  const preset: Setting<PresetName, object> = {
    default: 'published',
    rule: oneOf('quick', 'short', 'published'),
    help: 'the size of the run, whose settings hold where nothing else is given',
  };
  const schema = { preset, ...schemaOf(all, all, full) } as unknown as Schema<S, never>;
  const recipe = ({ recipe, starts }: RecipeChoice): SomeSettings<S> => {
    const values = Object.entries(recipe === 'fast' ? fastRecipe(network, starts) : {});
    const own = values.flatMap(([name, value]) => (names.has(name) ? [[names.get(name)!, value] as const] : []));
    return Object.fromEntries(own) as unknown as SomeSettings<S>;
  };
  return { ...rest, presets, schema, recipe, experiment: full };
}

/** The protocol's names for the experiment's settings, as far as it renames them outside of groups. */
function namesIn(fields: Fields): Map<string, string> {
  return new Map(
    Object.entries(fields).flatMap(([name, field]) => ('of' in field ? [[field.of as string, name] as const] : [])),
  );
}

const runNames =
  'recipe data sizes image_size classes backend threads ckpt_path resume_training again name tags checkpoints'.split(
    ' ',
  );

/** An experiment's setting, or group of settings, under its own name. */
function groupOf(name: string): object {
  const node = (experimentSchema as unknown as Record<string, object>)[name];
  if ('rule' in node) return { of: name };
  return Object.fromEntries(Object.keys(node).map((member) => [member, { of: `${name}.${member}` }]));
}

/** The given settings on which the others depend. */
function startIn(
  { schema }: Pick<Protocol, 'schema'>,
  given: readonly Given[],
): Partial<ProtocolSettings & Pick<ExperimentSettings, 'network'>> {
  const names = ['preset', 'recipe', 'network', 'ckpt_path', 'resume_training'];
  const part = Object.fromEntries(Object.entries(schema).filter(([name]) => names.includes(name)));
  return settle(
    part as Schema<object, never>,
    given.filter(({ name }) => names.includes(name)),
  );
}

/** The checkpoint whose run is to continue, if the given settings ask for one. */
export function resumesFrom(of: Pick<Protocol, 'schema'>, given: readonly Given[]): string | undefined {
  const { ckpt_path, resume_training } = startIn(of, given);
  return resume_training ? (ckpt_path ?? undefined) : undefined;
}

/**
 * The settings of a new run in full: the given values, else those of the recipe, the preset or the defaults. `starts`
 * says whether it begins with the weights of another network even without a `ckpt_path`. Throws a UserError as `settle`
 * does.
 */
export function protocolSettings<S extends object>(
  { schema, presets, recipe: valuesOf }: Pick<Protocol<S>, 'schema' | 'presets' | 'recipe'>,
  given: readonly Given[],
  starts = false,
): S {
  const { preset = 'published', recipe = 'own', network, ckpt_path } = startIn({ schema }, given);
  const { values, fineTuning = {} } = presets[preset];
  const tuned = starts || typeof ckpt_path === 'string';
  const ofRecipe = valuesOf({ recipe, network, starts: tuned ? 'from a network' : 'anew' });
  const base = [...givenIn(values), ...(tuned ? givenIn(fineTuning) : [])];
  const settings = settle<S>(schema, given, [...base, ...givenIn(ofRecipe)]);
  // A recipe's momentum has no effect if another optimizer was given in place of the recipe's.
  const known = settingsOf(schema);
  const meant = givenIn(ofRecipe).filter(({ name }) => known.get(name)?.conflict?.(settings) === undefined);
  return settle<S>(schema, given, [...base, ...meant]);
}
