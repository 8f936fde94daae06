import { protocolSettings, type Protocol } from '../experiments/protocols/protocol.js';
import { settingsOf } from '../experiments/settings/schema.js';
import { settingWords, settle } from '../experiments/settings/settle.js';

/** Each setting with its value, its meaning and its rule. */
function settingLines(schema: object, settings: object): string[] {
  const known = settingsOf(schema);
  return settingWords(schema, settings).map((word) => {
    const setting = known.get(word.slice(0, word.indexOf('=')));
    return `  ${word}\n      ${setting?.help} (${setting?.rule.words})`;
  });
}

/** The parts of the help besides settings and examples. */
interface HelpOptions {
  heading?: string;
  /** Default: the schema's defaults. */
  settings?: object;
  /** Lines after the settings. */
  more?: readonly string[];
}

/** The part of a command's help that lists its settings with their defaults, and examples of what can be typed. */
export function settingsHelp(
  schema: object,
  examples: readonly string[],
  { heading = 'Settings with their defaults:', settings = settle(schema, []), more = [] }: HelpOptions = {},
): string {
  const typed = examples.map((example) => `  $ sparsebook ${example}`);
  return ['', heading, ...settingLines(schema, settings), ...more, '', 'Examples:', ...typed].join('\n');
}

/** The same part of the help for training by a protocol, with its presets. */
export function protocolHelp(protocol: Protocol): string {
  const { name, schema, presets, examples } = protocol;
  const sizes = Object.entries(presets).map(([preset, { help }]) => `  preset=${preset.padEnd(10)}${help}`);
  const command = name === 'experiment' ? 'train' : `train ${name}`;
  return settingsHelp(
    schema,
    examples.map((example) => `${command} ${example}`),
    {
      heading:
        'Settings with their defaults; a [list] may be written without its brackets, and null stands for no value.\n' +
        'Those that have no effect with the defaults, as of methods that are not chosen, are left out; --print has them:',
      settings: protocolSettings(protocol, []),
      more: 'preset' in schema ? ['', 'Presets (what they set can be set otherwise beside them):', ...sizes] : [],
    },
  );
}
