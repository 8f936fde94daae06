import { join } from 'node:path';
import { dataFolder } from '../data/loadData.js';
import { saveCheckpoint, takeState } from '../training/checkpoint/index.js';
import type { SettledRun } from './experimentRun.js';

/**
 * Saves a run as it is now, in data/notebooks/NOTEBOOK/NAME, and returns that path: `resumeFrom` gives it to a new run of
 * the same settings, which then makes the very steps that this one would have made next.
 */
export async function saveRun(run: SettledRun<object>, notebook: string, name: string): Promise<string> {
  const step = run.history.reduce((made, event) => (event.type === 'step' ? event.step : made), 0);
  const epoch = run.history.filter(({ type }) => type === 'epoch').length;
  const state = { ...(await takeState(run)), step, epoch, settings: run.settings };
  return saveCheckpoint(join(dataFolder(), 'notebooks', notebook), name, state);
}
