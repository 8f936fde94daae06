import { UserError } from '../../errors.js';
import type { TrainingEvent } from '../events.js';
import type { GateMasks, Run } from './run.js';

export interface LogOptions {
  /** Masks of each layer's channels, such as a sparsity method's `channelMasks`: shown as histograms, an epoch each. */
  gates?: () => GateMasks;
}

/**
 * Passes a run's events on, each once it is in the run's files, and closes the files at the end. Where an event cannot
 * be written, a warning says so and training goes on without a log; a UserError that names the folder follows the end.
 */
export async function* logged(
  events: AsyncIterable<TrainingEvent>,
  run: Run,
  { gates }: LogOptions = {},
): AsyncGenerator<TrainingEvent, void, void> {
  let failure: UserError | undefined;
  try {
    for await (const event of events) {
      // After a failure the files may end within a line: nothing may follow it.
      const failed = failure ?? (await tryToLog(run, event, event.type === 'epoch' ? gates?.() : undefined));
      if (failed && !failure) yield { type: 'warning', message: failed.message };
      failure = failed;
      yield event;
    }
  } finally {
    await run.close();
  }
  if (failure) throw failure;
}

async function tryToLog(run: Run, event: TrainingEvent, gates?: GateMasks): Promise<UserError | undefined> {
  try {
    await run.log(event, gates);
    return undefined;
  } catch (error) {
    return new UserError(
      `The log in ${run.dir} cannot be written any more: ${(error as Error).message}. It ends before this ${event.type}.`,
      { cause: error },
    );
  }
}
