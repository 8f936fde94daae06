import { UserError } from '../../errors.js';
import type { RunLock } from './runLock.js';

/** What runLock.ts is between processes, in a page: one process, whose runs no other can use. */
const taken = new Set<string>();

export class RunHeld extends UserError {}

export function lockRun(path: string): Promise<RunLock> {
  if (taken.has(path)) {
    return Promise.reject(new RunHeld(`This page trains the run already (${path}). Wait for its end.`));
  }
  taken.add(path);
  return Promise.resolve({
    hold: () => Promise.resolve(),
    release() {
      taken.delete(path);
      return Promise.resolve();
    },
  });
}

export const isHeld = (path: string): Promise<boolean> => Promise.resolve(taken.has(path));
