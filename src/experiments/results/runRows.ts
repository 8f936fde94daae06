import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../../errors.js';
import { listed, runIds } from '../../training/log/listRuns.js';
import { runFiles } from '../../training/log/readRun.js';
import { isHeld } from '../../training/log/runLock.js';
import type { Protocol } from '../protocols/protocol.js';
import { protocols } from '../protocols/protocols.js';
import { readRecord } from '../run/record.js';
import type { RunRow } from './runTable.js';
import { type AnySetting, settingsOf } from '../settings/schema.js';
import { type Given, givenIn, valueText } from '../settings/settle.js';

/** Settings that do not affect the result, and those with a column of their own. */
const unasked = ['experiment', 'topology', 'name', 'tags', 'backend', 'threads', 'resume_training', 'again'];

/** A run as a row of tables, with its saved settings. */
export interface SavedRunRow extends RunRow {
  saved: Given[];
}

/**
 * Returns the row of a run. For a finished run, only its record and settings are read, not its log of thousands of
 * steps. Throws a UserError for a folder that is no run's, or is damaged.
 */
export async function runRow(root: string, id: string): Promise<SavedRunRow> {
  const dir = join(root, id);
  const [record, settings] = await Promise.all([readRecord(dir), settingsIn(dir).catch(() => undefined)]);
  if (record && settings) {
    const { epochs, steps, validation, last, channels, test, sparsity } = record;
    return {
      ...namesOf(id, record),
      state: 'finished',
      epochs,
      steps,
      numbers: {
        'validation.best': validation.accuracy,
        'validation.last': last?.validation ?? validation.accuracy,
        'channels.closed': channels.all > 0 ? channels.closed : null,
        'test.accuracy': test.accuracy,
        'sparsity.complete': sparsity.complete,
      },
      ...settingsOfRun(settings),
    };
  }
  const run = await listed(dir);
  const held = await isHeld(join(dir, runFiles.lock)).catch(() => true);
  const given = Object(run.settings) as object;
  return {
    ...namesOf(id, given),
    state: held ? 'training' : run.end === 'finished' ? 'finished, not measured' : (run.end ?? 'killed'),
    epochs: run.epochs,
    steps: run.step,
    numbers: {
      'validation.best': run.best?.accuracy ?? null,
      'validation.last': run.last?.validation?.accuracy ?? null,
      'channels.closed': run.last?.sparsity?.closed ?? null,
      'test.accuracy': null,
      'sparsity.complete': null,
    },
    ...settingsOfRun(given),
  };
}

/** The readable runs of a folder, oldest first, and the faults of the others. */
export async function runRows(root: string): Promise<{ runs: SavedRunRow[]; faults: string[] }> {
  const rows = await eachOf(await runIds(root), (id) => runRow(root, id));
  return {
    runs: rows.flatMap((run) => (run.status === 'fulfilled' ? [run.value] : [])),
    faults: rows.flatMap((run) => (run.status === 'rejected' ? [reasonOf(run.reason)] : [])),
  };
}

/** The results of work on each of many folders, a few at a time, since the number of open files has a limit. */
export async function eachOf<T>(
  ids: readonly string[],
  work: (id: string) => Promise<T>,
): Promise<PromiseSettledResult<T>[]> {
  const results: PromiseSettledResult<T>[] = [];
  for (let first = 0; first < ids.length; first += 32) {
    results.push(...(await Promise.allSettled(ids.slice(first, first + 32).map(work))));
  }
  return results;
}

async function settingsIn(dir: string): Promise<object> {
  return Object(JSON.parse(await readFile(join(dir, runFiles.settings), 'utf8'))) as object;
}

/** The name and tags of a run; a file that another program wrote may have any values there. */
function namesOf(id: string, { name, tags }: { name?: unknown; tags?: unknown }): Pick<RunRow, 'id' | 'name' | 'tags'> {
  const texts = (Array.isArray(tags) ? tags : []).filter((tag) => typeof tag === 'string');
  return { id, name: typeof name === 'string' ? name : null, tags: texts };
}

/** A run's settings: all of them, and those that have an effect beside the others, as words. */
function settingsOfRun(settings: object): Pick<SavedRunRow, 'saved' | 'settings'> {
  const saved = givenIn(settings).filter(({ name }) => !unasked.includes(name) && !name.startsWith('checkpoints.'));
  const known = schemaOf(settings);
  const means = ({ name }: Given): boolean => {
    try {
      return known?.get(name)?.conflict?.(settings) === undefined;
    } catch {
      // Another version's settings may lack what the rule looks at.
      return true;
    }
  };
  return { saved, settings: Object.fromEntries(saved.filter(means).map(({ name, value }) => [name, textOf(value)])) };
}

const texts = new Map<string, string>();

/** A value as a word of a command; cached, since hundreds of runs share a few values and writing YAML is slow. */
function textOf(value: unknown): string {
  const key = JSON.stringify(value);
  const known = texts.get(key) ?? valueText(value);
  texts.set(key, known);
  return known;
}

const schemas = new Map<string, ReadonlyMap<string, AnySetting>>(
  Object.entries<Protocol>(protocols).map(([name, { schema }]) => [name, settingsOf(schema)]),
);

/** The settings that a run's experiment knows, if this version knows the experiment. */
const schemaOf = (settings: object): ReadonlyMap<string, AnySetting> | undefined =>
  schemas.get(String((settings as { experiment?: unknown }).experiment));
