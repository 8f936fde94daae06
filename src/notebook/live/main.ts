import { Command } from 'commander';
import { runCommand } from '../../terminal/runCommand.js';
import { addOpenCommand } from './command.js';

/** `sparsebook open` alone, which is up sooner than the command with all its rooms. */
export async function openNotebooks(words: string[]): Promise<void> {
  const program = new Command('sparsebook').showHelpAfterError('(add --help for more)');
  addOpenCommand(program);
  await runCommand(() => program.parseAsync(['open', ...words], { from: 'user' }));
}
