import type { AnyExperiment } from '../experiment.js';
import { experimentSettings } from '../experimentSettings.js';
import { settingsOf } from '../settings/schema.js';
import { settingWords } from '../settings/settingWords.js';

/** The part of an experiment's help that tells of its settings, presets and examples. */
export function settingsHelp(experiment: AnyExperiment): string {
  const { name, schema, presets, examples } = experiment;
  const rules = settingsOf(schema);
  const settings = settingWords(schema, experimentSettings(experiment, [])).map((word) => {
    const setting = rules.get(word.slice(0, word.indexOf('=')));
    return `  ${word}\n      ${setting?.help} (${setting?.rule.words})`;
  });
  const sizes = Object.entries(presets).map(([preset, { help }]) => `  preset=${preset.padEnd(7)}${help}`);
  const commands = examples.map((words) => `  $ sparsebook train ${name} ${words}`);
  return [
    '',
    'Settings with their defaults; a [list] may be written without its brackets, and null takes a value away:',
    ...settings,
    '',
    'Presets (what they set can be set otherwise beside them):',
    ...sizes,
    '',
    'Examples:',
    ...commands,
  ].join('\n');
}
