#!/usr/bin/env node
import { styleText } from 'node:util';
import { Command } from 'commander';
import { addDataCommand } from './data/command.js';
import { UserError } from './errors.js';
import { addCompactCommand } from './experiments/command/compactCommand.js';
import { addRunsCommand } from './experiments/command/runsCommand.js';
import { addTestCommand } from './experiments/command/testCommand.js';
import { addTrainCommand } from './experiments/command/trainCommand.js';
import { addWeightsCommand } from './experiments/command/weightsCommand.js';
import { addJupyterCommands } from './notebook/jupyter/command.js';
import { addOpenCommand } from './notebook/live/command.js';
import { addReportCommand } from './notebook/report/command.js';
import { addRunCommand } from './notebook/run/command.js';

const program = new Command('sparsebook')
  .description('Make neural networks sparse, small and fast in TypeScript notebooks.')
  .showHelpAfterError('(add --help for more)')
  .showSuggestionAfterError();

addOpenCommand(program);
addRunCommand(program);
addJupyterCommands(program);
addReportCommand(program);
addDataCommand(program);
addTrainCommand(program);
addTestCommand(program);
addCompactCommand(program);
addRunsCommand(program);
addWeightsCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  // A person can mend a UserError and needs no stack; anything else is a defect of ours and does.
  if (!(error instanceof UserError)) throw error;
  const colour = process.stderr.isTTY && !process.env.NO_COLOR;
  process.stderr.write(`${colour ? styleText('red', 'error:') : 'error:'} ${error.message}\n`);
  process.exitCode = 1;
}
