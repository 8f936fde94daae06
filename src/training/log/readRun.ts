import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../../errors.js';
import { addEvent } from './addEvent.js';
import { parseEventLine, type LoggedEvent } from './eventJson.js';
import type { Provenance } from './provenance.js';
import { runFiles } from './runFiles.js';

/** A run as its folder tells it. */
export interface RunRecord {
  id: string;
  dir: string;
  settings: unknown;
  provenance: Partial<Provenance>;
  /** In order; what a resumed run made anew is there once. */
  events: LoggedEvent[];
}

/**
 * Reads a run's folder, also one whose run is still going or was killed in the middle of a line. Without `steps` only
 * the last event of a step is kept, which is much faster for long runs.
 *
 * Throws a UserError that names the file, and the line, if the folder is not that of a run or is damaged.
 */
export async function readRun(dir: string, { steps = true }: { steps?: boolean } = {}): Promise<RunRecord> {
  const path = resolve(dir);
  return {
    id: basename(path),
    dir: path,
    settings: await readJson(join(path, runFiles.settings)),
    provenance: (await readJson(join(path, runFiles.provenance))) as Partial<Provenance>,
    events: await readEvents(join(path, runFiles.metrics), steps),
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UserError(
      `${path} cannot be read: ${(error as Error).message}. A run is a folder with ${runFiles.settings}, ` +
        `${runFiles.provenance} and ${runFiles.metrics}.`,
      { cause: error },
    );
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UserError(`${path} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
}

const stepLine = '{"type":"step"';

async function readEvents(path: string, steps: boolean): Promise<LoggedEvent[]> {
  // A line counts once its end is written: the last piece is either empty or half a line.
  const lines = (await readText(path)).split('\n').slice(0, -1);
  const events: LoggedEvent[] = [];
  lines.forEach((line, i) => {
    const last = i + 1 === lines.length || !lines[i + 1].startsWith(stepLine);
    if (!steps && !last && line.startsWith(stepLine)) return;
    const event = parseEventLine(line);
    if (!event) throw new UserError(`Line ${i + 1} of ${path} is not an event: ${line.slice(0, 80)}`);
    addEvent(events, event);
  });
  return events;
}
