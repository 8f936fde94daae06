// Functions shared by the tables of runs in a terminal and in a page: nothing here needs Node.

import { csvLine } from '../../formats/text.js';

/** A run as a row of tables: numbers by machine names, `null` for a missing one. */
export interface RunRow {
  id: string;
  name: string | null;
  tags: string[];
  state: string;
  epochs: number;
  steps: number;
  numbers: Record<string, number | null>;
  /** The settings that have an effect beside the others, by names with dots, as words of a command. */
  settings: Record<string, string>;
}

/** The results of runs, in the order of their columns; a run without one of them has `null`. */
export const outcomes = ['validation.best', 'validation.last', 'channels.closed', 'test.accuracy', 'sparsity.complete'];

/** The results that are shares between 0 and 1. */
export const shares: ReadonlySet<string> = new Set(outcomes.filter((name) => name !== 'channels.closed'));

/** The settings whose values differ between the runs that have them, in the order in which they first appear. */
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
 * Runs as comma-separated values (RFC 4180), a line of names and then one line per run: shares are from 0 to 1, and
 * only the settings in which the runs differ are listed.
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
