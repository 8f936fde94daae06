import type { Command } from 'commander';
import type { AnyExperiment } from '../experiment.js';
import { experiments } from '../experiments.js';
import { experimentSettings, resumesFrom } from '../experimentSettings.js';
import type { RunSettings } from '../runSettings.js';
import { givenIn, type Given } from '../settings/given.js';
import { givenInFile } from '../settings/givenInFile.js';
import { givenInWords } from '../settings/givenInWords.js';
import { settingsText } from '../settings/settingsText.js';
import { settingsHelp } from './settingsHelp.js';

interface Flags {
  config?: string;
  print?: boolean;
}

/** The settings of new runs that follow one another. */
function stagesOf(experiment: AnyExperiment, given: readonly Given[]): RunSettings[] {
  const settings = experimentSettings(experiment, given);
  const stages = experiment.stages?.(settings) ?? [{}];
  return stages.map((own) => experimentSettings(experiment, [...given, ...givenIn(own)]));
}

/** The settings of a run that goes on. */
async function settingsFrom(path: string, given: readonly Given[]): Promise<RunSettings> {
  const [{ loadCheckpoint }, { readSavedRun, resumedSettings }] = await Promise.all([
    import('../../training/checkpoint/index.js'),
    import('../savedRun.js'),
  ]);
  const checkpoint = await loadCheckpoint(path);
  return resumedSettings(readSavedRun(checkpoint.settings, checkpoint.path), given);
}

async function train(experiment: AnyExperiment, words: string[], { config, print }: Flags): Promise<void> {
  const inFile = config === undefined ? [] : await givenInFile(config);
  const given = [...inFile, ...givenInWords(words)];
  const path = resumesFrom(given);
  const stages = path === undefined ? stagesOf(experiment, given) : [await settingsFrom(path, given)];
  if (print) {
    const settings = path === undefined ? experimentSettings(experiment, given) : stages[0];
    return void process.stdout.write(settingsText(experiment.schema, settings));
  }
  // Imported when needed: settings and help do without tensors.
  const { trainOnTerminal } = await import('./trainOnTerminal.js');
  await trainOnTerminal(experiment, stages);
}

/** Adds `sparsebook train`, with a command for each experiment. */
export function addTrainCommand(program: Command): void {
  const command = program
    .command('train')
    .summary('train a network')
    .description('Train a network and make it sparse.');
  for (const experiment of experiments) {
    command
      .command(experiment.name)
      .summary(experiment.summary)
      .description(
        `Train: ${experiment.summary}. Settings on the command line win over those in the file, which win over the preset's.`,
      )
      .argument('[key=value...]', 'settings; see below')
      .option('-c, --config <file>', 'take settings from a YAML file')
      .option('-p, --print', 'print the settings in full, as YAML, and train nothing')
      .addHelpText('after', () => settingsHelp(experiment))
      .action((words: string[], flags: Flags) => train(experiment, words, flags));
  }
}
