#!/usr/bin/env node
import { Command } from 'commander';
import { addDataCommand } from './cli/data.js';
import { addCompactCommand } from './cli/compact.js';
import { addRunsCommand } from './cli/runs.js';
import { addSweepCommand } from './cli/sweep.js';
import { addTestCommand } from './cli/test.js';
import { addTrainCommand } from './cli/train.js';
import { addWeightsCommand } from './cli/weights.js';
import { addWorkerCommand } from './cli/worker.js';
import { addJupyterCommands } from './cli/jupyter.js';
import { addOpenCommand } from './cli/open.js';
import { addPublishCommand } from './cli/publish.js';
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
addPublishCommand(program);
addDataCommand(program);
addTrainCommand(program);
addSweepCommand(program);
addWorkerCommand(program);
addTestCommand(program);
addCompactCommand(program);
addRunsCommand(program);
addWeightsCommand(program);

await runCommand(() => program.parseAsync());
