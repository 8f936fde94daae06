#!/usr/bin/env node
import { Command } from 'commander';

const program = new Command('sparsebook').description(
  'Make neural networks sparse, small and fast in TypeScript notebooks.',
);
await program.parseAsync();
