import { closest } from 'fastest-levenshtein';
import { stringify } from 'yaml';
import { UserError } from '../../errors.js';
import { defaultOf, settingsOf, type AnySetting, type RunLength, type Schema, type SettingValue } from './schema.js';

/** A value given for a setting. */
export interface Given {
  /** The setting's name; in a group, group.name. */
  name: string;
  value: unknown;
  /** The text it was given as, if it comes from a command line: used if the value itself does not fit. */
  text?: string;
  /** Its place, if it comes from a file: "run.yaml, line 3". */
  place?: string;
}

const isGroup = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The settings in an object, with groups flattened; undefined values count as not given. */
export function givenIn(settings: object, group = ''): Given[] {
  return Object.entries(settings).flatMap(([name, value]): Given[] => {
    if (value === undefined) return [];
    return isGroup(value) ? givenIn(value, `${group}${name}.`) : [{ name: group + name, value }];
  });
}

/**
 * Returns the settings in full: the given value (the last of several), else that of `base`, else the default.
 *
 * Throws a UserError for a name that does not exist (offering the nearest), for a value that breaks its rule, and for a
 * value that contradicts the other settings; the error names the line if the value comes from a file.
 */
export function settle<S extends object>(
  schema: Schema<S, never>,
  given: readonly Given[],
  base: readonly Given[] = [],
): S {
  const known = settingsOf(schema);
  const values = new Map<string, SettingValue>();
  for (const each of [...base, ...given]) values.set(each.name, accepted(known, each));

  const settings = {};
  for (const [name, setting] of known) {
    const value = values.get(name);
    put(settings, name, value === undefined ? defaultOf(setting, settings) : value);
  }
  for (const { name, value, place } of given) {
    const conflict = known.get(name)?.conflict?.(settings);
    if (conflict === undefined) continue;
    throw new UserError(`${at(place)}${name}=${shown(value)} contradicts the other settings: ${conflict}.`);
  }
  return settings as S;
}

const at = (place: string | undefined): string => (place === undefined ? '' : `${place}: `);
const shown = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));

/** Converts a given value to the type of its setting. */
function accepted(known: Map<string, AnySetting>, given: Given): SettingValue {
  const { name, value, text, place } = given;
  const setting = known.get(name);
  if (!setting) throw new UserError(`${at(place)}${unknown(name, [...known.keys()])}`);
  // A command line has only words: 123 may be a folder's name, and "10,60" a list without its brackets.
  const lists = Array.isArray(value) || text === undefined || text.includes('[') ? [] : listsIn(text);
  const readings = text === undefined ? [value] : [value, text, ...lists];
  const fitting = readings.find((reading) => setting.rule.accepts(reading));
  if (fitting !== undefined) return fitting;
  const received = text ?? (typeof value === 'string' ? JSON.stringify(value) : shown(value));
  throw new UserError(
    `${at(place)}${name} must be ${setting.rule.words}; received ${received}. It is ${setting.help}.`,
  );
}

/** A text as a list of numbers, and as a list of words. */
function listsIn(text: string): unknown[][] {
  const elements = text.split(',').map((element) => element.trim());
  return [elements.map((element) => (element === '' ? element : Number(element))), elements];
}

function unknown(name: string, names: string[]): string {
  const members = names.filter((other) => other.startsWith(`${name}.`));
  if (members.length > 0) return `${name} is a group; set ${members.join(', ')}.`;
  return `There is no setting '${name}'; did you mean '${closest(name, names)}'? All: ${names.join(', ')}.`;
}

/** Sets a value by its name, and makes the groups that contain it. */
export function put(settings: object, name: string, value: SettingValue): void {
  const groups = name.split('.');
  const last = groups.pop() as string;
  let group = settings as Record<string, object | SettingValue>;
  for (const step of groups) group = (group[step] ??= {}) as typeof group;
  group[last] = value;
}

/** A value as YAML writes it in one line. */
export const valueText = (value: unknown): string =>
  stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trimEnd();

/** Settings as words of a command line, without those that contradict the others. */
export function settingWords(schema: object, settings: object): string[] {
  const known = settingsOf(schema);
  return givenIn(settings)
    .filter(({ name }) => known.get(name)?.conflict?.(settings) === undefined)
    .map(({ name, value }) => `${name}=${valueText(value).replaceAll(', ', ',')}`);
}

/** Warnings about settings that have less effect than they promise in a run of this length, one sentence each. */
export function settingWarnings(schema: object, settings: object, run: RunLength): string[] {
  const known = settingsOf(schema);
  const words = new Map(settingWords(schema, settings).map((word) => [word.slice(0, word.indexOf('=')), word]));
  return givenIn(settings).flatMap(({ name }) => {
    const reason = words.has(name) ? known.get(name)?.warning?.(settings, run) : undefined;
    return reason === undefined ? [] : [`${words.get(name)} ${reason}.`];
  });
}
