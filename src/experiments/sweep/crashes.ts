import { progressOf } from '../../training/log/readRun.js';
import { UserError } from '../../errors.js';
import type { Outcome } from './children.js';
import { titleOf, type SweepPoint } from './points.js';
import type { Sweep } from './sweep.js';

/** How often a point's process crashed in a row, and the step that its run had reached. */
export interface Crashes {
  count: number;
  step: number;
}

/**
 * Handles a point whose process crashed: returns its crashes in a row without its run getting further in between, if it
 * is to be tried again; else undefined, and the point's file has the reason. Throws a UserError if that file cannot be
 * written.
 */
export async function afterCrash(
  sweep: Sweep,
  point: SweepPoint,
  outcome: Outcome,
  before: Crashes | undefined,
  retries: number,
): Promise<Crashes | undefined> {
  const fail = async (reason: string): Promise<undefined> => {
    await sweep.report(point.id, { state: 'failed', reason }).catch((error: Error) => {
      throw new UserError(`The point '${titleOf(point)}' failed: ${reason} ${error.message}`);
    });
  };
  if (outcome.type === 'error') return fail(outcome.message);
  const dir = await sweep.runOf(point.id);
  const step = (dir && (await progressOf(dir))?.step) || 0;
  const count = before && step <= before.step ? before.count + 1 : 1;
  if (count <= retries) return { count, step };
  const how = outcome.type === 'died' ? outcome.how : 'was stopped';
  return fail(`The process that trains it ${how}, ${count} times in a row without progress.`);
}
