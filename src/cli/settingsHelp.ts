import { protocolSettings, type Protocol } from '../experiments/protocols/protocol.js';
import { settingsOf } from '../experiments/settings/schema.js';
import { settingWords } from '../experiments/settings/settle.js';

/** Each setting with its value, and what it is and may be. */
export function settingLines(schema: object, settings: object): string[] {
  const known = settingsOf(schema);
  return settingWords(schema, settings).map((word) => {
    const setting = known.get(word.slice(0, word.indexOf('=')));
    return `  ${word}\n      ${setting?.help} (${setting?.rule.words})`;
  });
}

/** The part of a protocol's help that tells of its settings, presets and examples. */
export function settingsHelp(protocol: Protocol): string {
  const { name, schema, presets, examples } = protocol;
  const sizes = Object.entries(presets).map(([preset, { help }]) => `  preset=${preset.padEnd(10)}${help}`);
  const words = name === 'experiment' ? '' : ` ${name}`;
  return [
    '',
    'Settings with their defaults; a [list] may be written without its brackets, and null takes a value away:',
    ...settingLines(schema, protocolSettings(protocol, [])),
    ...('preset' in schema ? ['', 'Presets (what they set can be set otherwise beside them):', ...sizes] : []),
    '',
    'Examples:',
    ...examples.map((example) => `  $ sparsebook train${words} ${example}`),
  ].join('\n');
}
