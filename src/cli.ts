#!/usr/bin/env node
import { Command } from 'commander';
import { addDataCommand } from './data/command.js';
import { addCompactCommand } from './experiments/command/compactCommand.js';
import { addRunsCommand } from './experiments/command/runsCommand.js';
import { addTestCommand } from './experiments/command/testCommand.js';
import { addTrainCommand } from './experiments/command/trainCommand.js';
import { addWeightsCommand } from './experiments/command/weightsCommand.js';
import { addJupyterCommands } from './notebook/jupyter/command.js';
import { addOpenCommand } from './notebook/live/command.js';
import { addReportCommand } from './notebook/report/command.js';
import { addRunCommand } from './notebook/run/command.js';
import { runCommand } from './terminal/runCommand.js';

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

await runCommand(() => program.parseAsync());
