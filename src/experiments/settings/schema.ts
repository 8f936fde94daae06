import type { Rule } from '../../rules.js';

/** The values that a setting can hold. */
export type SettingValue = string | number | boolean | null | readonly SettingValue[];

/** The declaration of one setting; `All` are all settings of its schema. */
export interface Setting<T, All> {
  rule: Rule<T>;
  /** What it is, in words that fit after "it is". */
  help: string;
  /** Its value if none is given; it may depend on the settings listed before it. */
  default: T | ((settings: All) => T);
  /**
   * For a setting that was added later, the value at which it has no effect: it is then left out of the identity of
   * runs, so that earlier runs keep theirs.
   */
  neutral?: T;
  /** Why it must not be given beside these settings, if so. */
  conflict?: (settings: All) => string | undefined;
  /** How it has less effect than it promises in a run of this length, if so, in words that fit after name=value. */
  warning?: (settings: All, run: RunLength) => string | undefined;
}

/** How long a run is. */
export interface RunLength {
  /** How many epochs begin: fewer than the setting if `max_steps` ends the run earlier. */
  epochs: number;
  steps: number;
  stepsPerEpoch: number;
}

/** A setting for each member of `S`; a member that is an object is a group of settings. */
export type Schema<S, All = S> = {
  readonly [Name in keyof S]: S[Name] extends SettingValue ? Setting<S[Name], All> : Schema<S[Name], All>;
};

/** Some of the settings, at any depth. */
export type SomeSettings<S> = {
  [Name in keyof S]?: S[Name] extends SettingValue ? Readonly<S[Name]> : SomeSettings<S[Name]>;
};

/** A setting of unknown type. */
export type AnySetting = Setting<SettingValue, object>;

/** The settings of a schema by their names, those in groups as group.name, in order. */
export function settingsOf(schema: object, group = ''): Map<string, AnySetting> {
  const entries = Object.entries(schema) as [string, AnySetting | object][];
  return new Map(
    entries.flatMap(([name, node]) =>
      'rule' in node ? [[group + name, node] as const] : [...settingsOf(node, `${group}${name}.`)],
    ),
  );
}

/** The default of a setting, given those before it. */
export function defaultOf(setting: AnySetting, settings: object): SettingValue {
  return typeof setting.default === 'function' ? setting.default(settings) : setting.default;
}
