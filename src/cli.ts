#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { keepCompiledCode } from './platform/compileCache.js';

keepCompiledCode();
const [{ Command: Program }, { runCommand }] = await Promise.all([import('commander'), import('./cli/output.js')]);

/** The functions that add the commands, in the order of the help. */
const commands: Record<string, () => Promise<(program: Command) => void>> = {
  open: async () => (await import('./cli/open.js')).addOpenCommand,
  run: async () => (await import('./cli/run.js')).addRunCommand,
  kernel: async () => (await import('./cli/jupyter.js')).addKernelCommand,
  jupyter: async () => (await import('./cli/jupyter.js')).addJupyterCommand,
  report: async () => (await import('./cli/report.js')).addReportCommand,
  publish: async () => (await import('./cli/publish.js')).addPublishCommand,
  data: async () => (await import('./cli/data.js')).addDataCommand,
  train: async () => (await import('./cli/train.js')).addTrainCommand,
  sweep: async () => (await import('./cli/sweep.js')).addSweepCommand,
  worker: async () => (await import('./cli/worker.js')).addWorkerCommand,
  test: async () => (await import('./cli/test.js')).addTestCommand,
  compact: async () => (await import('./cli/compact.js')).addCompactCommand,
  runs: async () => (await import('./cli/runs.js')).addRunsCommand,
  weights: async () => (await import('./cli/weights.js')).addWeightsCommand,
};

const manifest = readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8');
const program = new Program('sparsebook')
  .version((JSON.parse(manifest) as { version: string }).version)
  .description('Make neural networks sparse, small and fast in TypeScript notebooks.')
  .showHelpAfterError('(add --help for more)')
  .showSuggestionAfterError();

// Only the requested command is loaded; help and misspelt commands need all of them.
const asked = process.argv[2] ?? '';
const needed = Object.hasOwn(commands, asked) ? [commands[asked]] : Object.values(commands);
for (const add of await Promise.all(needed.map((load) => load()))) add(program);

await runCommand(() => program.parseAsync());
