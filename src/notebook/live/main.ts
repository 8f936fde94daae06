import { Command } from 'commander';
import { UserError } from '../../errors.js';
import { addOpenCommand } from './command.js';

/** `sparsebook open` alone, which is up sooner than the command with all its rooms. */
export async function openNotebooks(words: string[]): Promise<void> {
  const program = new Command('sparsebook').showHelpAfterError('(add --help for more)');
  addOpenCommand(program);
  try {
    await program.parseAsync(['open', ...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 1;
  }
}
