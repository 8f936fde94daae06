import type { AnyExperiment } from '../experiment.js';
import { experimentSettings } from '../experimentSettings.js';
import { settingsOf } from '../settings/schema.js';
import { settingWords } from '../settings/settingWords.js';

/** Each setting with its value, and what it is and may be. */
export function settingLines(schema: object, settings: object): string[] {
  const known = settingsOf(schema);
  return settingWords(schema, settings).map((word) => {
    const setting = known.get(word.slice(0, word.indexOf('=')));
    return `  ${word}\n      ${setting?.help} (${setting?.rule.words})`;
  });
}

/** The part of an experiment's help that tells of its settings, presets and examples. */
export function settingsHelp(experiment: AnyExperiment): string {
  const { name, schema, presets, examples } = experiment;
  const sizes = Object.entries(presets).map(([preset, { help }]) => `  preset=${preset.padEnd(7)}${help}`);
  return [
    '',
    'Settings with their defaults; a [list] may be written without its brackets, and null takes a value away:',
    ...settingLines(schema, experimentSettings(experiment, [])),
    '',
    'Presets (what they set can be set otherwise beside them):',
    ...sizes,
    '',
    'Examples:',
    ...examples.map((words) => `  $ sparsebook train ${name} ${words}`),
  ].join('\n');
}
