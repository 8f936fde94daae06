import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.js';
import type { Given } from './given.js';
import { defaultOf, settingsOf, type AnySetting, type Schema, type SettingValue } from './schema.js';

/**
 * Settings written out in full: what was given (the last of several), else what `base` has, else the default.
 *
 * Throws a UserError for a name that does not exist (offering the nearest), for a value against its rule, and for one
 * that contradicts the other settings; it names the line if the value comes from a file.
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

/** The value in the type of its setting. */
function accepted(known: Map<string, AnySetting>, given: Given): SettingValue {
  const { name, value, text, place } = given;
  const setting = known.get(name);
  if (!setting) throw new UserError(`${at(place)}${unknown(name, [...known.keys()])}`);
  // A command line has words only: 123 may be a folder's name, and "10,60" is a list to those who leave its brackets out.
  const list = Array.isArray(value) || text === undefined || text.includes('[') ? [] : [listIn(text)];
  const readings = text === undefined ? [value] : [value, text, ...list];
  const fitting = readings.find((reading) => setting.rule.accepts(reading));
  if (fitting !== undefined) return fitting;
  const received = text ?? (typeof value === 'string' ? JSON.stringify(value) : shown(value));
  throw new UserError(
    `${at(place)}${name} must be ${setting.rule.words}; received ${received}. It is ${setting.help}.`,
  );
}

const listIn = (text: string): unknown[] =>
  text.split(',').map((element) => (element.trim() === '' ? element : Number(element)));

function unknown(name: string, names: string[]): string {
  const members = names.filter((other) => other.startsWith(`${name}.`));
  if (members.length > 0) return `${name} is a group; set ${members.join(', ')}.`;
  return `There is no setting '${name}'; did you mean '${closest(name, names)}'? All: ${names.join(', ')}.`;
}

/** Sets a value by its name, making the groups that it lies in. */
function put(settings: object, name: string, value: SettingValue): void {
  const groups = name.split('.');
  const last = groups.pop() as string;
  let group = settings as Record<string, object | SettingValue>;
  for (const step of groups) group = (group[step] ??= {}) as typeof group;
  group[last] = value;
}
