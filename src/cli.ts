#!/usr/bin/env node
import { Command } from 'commander';
import { addDataCommand } from './cli/data.js';
import { addCompactCommand } from './experiments/command/compactCommand.js';
import { addRunsCommand } from './experiments/command/runsCommand.js';
import { addTestCommand } from './experiments/command/testCommand.js';
import { addTrainCommand } from './experiments/command/trainCommand.js';
import { addWeightsCommand } from './experiments/command/weightsCommand.js';
import { addJupyterCommands } from './cli/jupyter.js';
import { addOpenCommand } from './cli/open.js';
import { addReportCommand } from './cli/report.js';
import { addRunCommand } from './cli/run.js';
import { runCommand } from './cli/output.js';

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
