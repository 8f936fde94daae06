#!/usr/bin/env node
import { Command } from 'commander';
import { addDataCommand } from './data/command.js';

const program = new Command('sparsebook').description(
  'Make neural networks sparse, small and fast in TypeScript notebooks.',
);
addDataCommand(program);
await program.parseAsync();
