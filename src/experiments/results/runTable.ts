// What tables of runs have in common, in a terminal and in a page: nothing here needs Node.

import { csvLine } from '../../formats/text.js';

/** A run as a row of tables: numbers by machine names, `null` where there is none. */
export interface RunRow {
  id: string;
  name: string | null;
  tags: string[];
  state: string;
  epochs: number;
  steps: number;
  numbers: Record<string, number | null>;
  /** As words of a command, by names with dots: those that have an effect beside the others. */
  settings: Record<string, string>;
}

/** The results of runs, in the order of their columns; a run without one of them has `null`. */
export const outcomes = ['validation.best', 'validation.last', 'channels.closed', 'test.accuracy', 'sparsity.complete'];

/** Those that are shares between 0 and 1. */
export const shares: ReadonlySet<string> = new Set(outcomes.filter((name) => name !== 'channels.closed'));

/** The settings in which runs that have them differ, in the order in which they first appear. */
export function differingSettings(runs: readonly Pick<RunRow, 'settings'>[]): string[] {
  const values = new Map<string, Set<string>>();
  for (const { settings } of runs) {
    for (const [name, value] of Object.entries(settings)) {
      const known = values.get(name);
      if (known) known.add(value);
      else values.set(name, new Set([value]));
    }
  }
  return [...values].filter(([, { size }]) => size > 1).map(([name]) => name);
}

/**
 * Runs as comma-separated values (RFC 4180), a line each after a line of names: shares from 0 to 1, and the settings in
 * which they differ.
 */
export function runsCsv(runs: readonly RunRow[]): string {
  const settings = differingSettings(runs);
  const heads = ['run', 'name', 'tags', 'state', 'epochs', 'steps', ...outcomes];
  const lines = runs.map(({ id, name, tags, state, epochs, steps, numbers, settings: own }) => [
    ...[id, name, tags.join(' '), state, epochs, steps],
    ...outcomes.map((each) => numbers[each]),
    ...settings.map((each) => own[each]),
  ]);
  return [[...heads, ...settings.map((name) => `settings.${name}`)], ...lines].map(csvLine).join('');
}
