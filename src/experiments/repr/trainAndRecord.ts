import { UserError } from '../../errors.js';
import { reprRecord, type ReprRecord } from './reprRecord.js';
import type { ReprRun } from './reprRun.js';

/**
 * Trains a run to its end, says what it came to, and disposes it: for runs that nobody watches. Throws a UserError where
 * it was stopped or diverged.
 */
export async function trainAndRecord(
  name: string,
  machine: string,
  run: ReprRun,
  signal?: AbortSignal,
): Promise<ReprRecord> {
  try {
    for await (const event of run.events(signal)) {
      if (event.type !== 'end' || event.reason === 'finished') continue;
      throw new UserError(`The run ${name} (seed ${run.settings.seed}) did not finish: ${event.message}`);
    }
    return await reprRecord(name, machine, run, signal);
  } finally {
    run.dispose();
  }
}
