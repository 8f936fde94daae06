import { stringify } from 'yaml';
import { givenIn } from './given.js';
import { settingsOf } from './schema.js';

/** A value as YAML writes it in one line. */
export const valueText = (value: unknown): string =>
  stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trimEnd();

/** Settings as the words that a command line would give them with, without those that contradict the others. */
export function settingWords(schema: object, settings: object): string[] {
  const known = settingsOf(schema);
  return givenIn(settings)
    .filter(({ name }) => known.get(name)?.conflict?.(settings) === undefined)
    .map(({ name, value }) => `${name}=${valueText(value).replaceAll(', ', ',')}`);
}
