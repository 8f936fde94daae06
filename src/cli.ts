#!/usr/bin/env node
import { Command } from 'commander';
import { addDataCommand } from './data/command.js';
import { UserError } from './errors.js';
import { addRunCommand } from './notebook/run/command.js';

const program = new Command('sparsebook')
  .description('Make neural networks sparse, small and fast in TypeScript notebooks.')
  .showHelpAfterError('(add --help for more)')
  .showSuggestionAfterError();

addRunCommand(program);
addDataCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  // A person can mend a UserError and needs no stack; anything else is a defect of ours and does.
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 1;
}
