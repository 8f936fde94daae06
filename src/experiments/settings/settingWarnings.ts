import { givenIn } from './given.js';
import { settingsOf, type RunLength } from './schema.js';
import { settingWords } from './settingWords.js';

/** What a person should know of settings that have less effect than they say in a run of that length, a sentence each. */
export function settingWarnings(schema: object, settings: object, run: RunLength): string[] {
  const known = settingsOf(schema);
  const words = new Map(settingWords(schema, settings).map((word) => [word.slice(0, word.indexOf('=')), word]));
  return givenIn(settings).flatMap(({ name }) => {
    const reason = words.has(name) ? known.get(name)?.warning?.(settings, run) : undefined;
    return reason === undefined ? [] : [`${words.get(name)} ${reason}.`];
  });
}
