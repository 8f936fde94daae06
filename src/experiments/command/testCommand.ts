import type { Command } from 'commander';
import { UserError } from '../../errors.js';
import { givenInWords } from '../settings/givenInWords.js';
import { settle } from '../settings/settle.js';
import { testSchema, type TestSettings } from '../testSettings.js';
import { settingLines } from './settingsHelp.js';

const examples = [
  'ckpt_path=data/runs/RUN/checkpoints/best',
  'ckpt_path=CHECKPOINT backend=simd threads=1 latency.batches=1',
];

async function test(words: string[]): Promise<void> {
  const settings = settle<TestSettings>(testSchema, givenInWords(words));
  if (settings.ckpt_path === '') throw new UserError(`A checkpoint to test is missing: add ckpt_path=CHECKPOINT.`);
  // Imported when needed: settings and help do without tensors.
  const { testOnTerminal } = await import('./testOnTerminal.js');
  await testOnTerminal(settings);
}

/** Adds `sparsebook test`. */
export function addTestCommand(program: Command): void {
  program
    .command('test')
    .summary('measure a trained network')
    .description('Measure the network of a checkpoint: accuracy, sparsity, size and how long it takes.')
    .argument('[key=value...]', 'settings; see below')
    .addHelpText('after', () =>
      [
        '\nSettings with their defaults:',
        ...settingLines(testSchema, settle<TestSettings>(testSchema, [])),
        '\nExamples:',
        ...examples.map((words) => `  $ sparsebook test ${words}`),
      ].join('\n'),
    )
    .action(test);
}
