import { closest } from 'fastest-levenshtein';
import type { Command } from 'commander';
import { UserError } from '../errors.js';
import { protocolSettings, resumesFrom, type Protocol } from '../experiments/protocols/protocol.js';
import { protocols } from '../experiments/protocols/protocols.js';
import { givenIn, type Given } from '../experiments/settings/settle.js';
import { givenInFile, givenInWords, settingsText } from '../experiments/settings/written.js';
import { protocolHelp } from './settingsHelp.js';

interface Flags {
  config?: string;
  print?: boolean;
}

/** The settings of consecutive new runs. */
function stagesOf(protocol: Protocol, given: readonly Given[]): object[] {
  const settings = protocolSettings(protocol, given);
  const stages = protocol.stages?.(settings) ?? [{}];
  // Each stage but the first starts from the one before, whether a checkpoint is given or not.
  return stages.map((own, i) => protocolSettings(protocol, [...given, ...givenIn(own)], i > 0));
}

/** Throws a UserError for a word that is no setting: it was meant to name a protocol. */
function checkWords(words: readonly string[]): void {
  const word = words.find((each) => !each.includes('='));
  if (word === undefined) return;
  const names = Object.keys(protocols);
  if (names.includes(word)) {
    throw new UserError(`An experiment must be named once, before its settings; received '${word}' after a word.`);
  }
  throw new UserError(
    `'${word}' is neither a setting (key=value) nor an experiment; did you mean '${closest(word, names)}'? All: ${names.join(', ')}.`,
  );
}

async function train(protocol: Protocol, words: string[], { config, print }: Flags): Promise<void> {
  checkWords(words);
  const inFile = config === undefined ? [] : await givenInFile(config);
  const given = [...inFile, ...givenInWords(words)];
  const path = resumesFrom(protocol, given);
  if (print) {
    return void process.stdout.write(settingsText(protocol.schema, protocolSettings(protocol, given)));
  }
  const stages = path === undefined ? stagesOf(protocol, given) : [];
  // Imported when needed: settings and help need no tensors.
  const { resumeOnTerminal, trainOnTerminal } = await import('./trainOnTerminal.js');
  await (path === undefined ? trainOnTerminal(protocol, stages) : resumeOnTerminal(protocol, path, given));
}

/** Adds `sparsebook train`, with a command for each protocol and one for any experiment. */
export function addTrainCommand(program: Command): void {
  const command = program
    .command('train')
    .summary('train a network')
    .description(
      'Train a network and make it sparse: as in a document, or any network with any methods (network=resnet20 methods=l0). ' +
        'A finished run is not trained again, unless with again=true. Ctrl-C stops and saves; the same command continues.',
    );
  const all = Object.values(protocols) as Protocol[];
  const words = ({ name }: Protocol): string => (name === 'experiment' ? '' : ` ${name}`);
  const examples = all.map((protocol) => `  $ sparsebook train${words(protocol)} ${protocol.examples[0]}`);
  command.addHelpText('after', ['', 'Examples:', ...examples].join('\n'));
  for (const protocol of all) {
    command
      .command(protocol.name, { isDefault: protocol.name === 'experiment' })
      .summary(protocol.summary)
      .description(
        `Train: ${protocol.summary}. Settings on the command line override those in the file, which override the preset's.`,
      )
      .argument('[key=value...]', 'settings; see below')
      .option('-c, --config <file>', 'take settings from a YAML file')
      .option('-p, --print', 'print the settings in full, as YAML, and train nothing')
      .addHelpText('after', () => protocolHelp(protocol))
      .action((words: string[], flags: Flags) => train(protocol, words, flags));
  }
}
