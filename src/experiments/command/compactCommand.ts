import type { Command } from 'commander';
import { UserError } from '../../errors.js';
import { compactSchema, type CompactSettings } from '../compactSettings.js';
import { givenInWords } from '../settings/givenInWords.js';
import { settle } from '../settings/settle.js';
import { settingLines } from './settingsHelp.js';

const examples = [
  'ckpt_path=data/runs/RUN/checkpoints/last',
  'ckpt_path=CHECKPOINT output=small.onnx format=onnx round_to=4 fold_batch_norm=true',
];

async function compact(words: string[]): Promise<void> {
  const settings = settle<CompactSettings>(compactSchema, givenInWords(words));
  if (settings.ckpt_path === '') {
    throw new UserError('A checkpoint to make smaller is missing: add ckpt_path=CHECKPOINT.');
  }
  // Imported when needed: settings and help do without tensors.
  const { compactOnTerminal } = await import('./compactOnTerminal.js');
  await compactOnTerminal(settings);
}

/** Adds `sparsebook compact`. */
export function addCompactCommand(program: Command): void {
  program
    .command('compact')
    .summary('make a trained network smaller')
    .description(
      'Make the network of a checkpoint smaller, without what it does not need, say what that wins, and save it.',
    )
    .argument('[key=value...]', 'settings; see below')
    .addHelpText('after', () =>
      [
        '\nSettings with their defaults:',
        ...settingLines(compactSchema, settle<CompactSettings>(compactSchema, [])),
        '\nExamples:',
        ...examples.map((words) => `  $ sparsebook compact ${words}`),
      ].join('\n'),
    )
    .action(compact);
}
