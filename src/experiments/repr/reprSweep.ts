import type { ReprRecord } from './reprRecord.js';

/** What `npm run sweep:repr` saved: runs of the RePr experiment, each with its own settings. */
export interface ReprSweep {
  runs: ReprRecord[];
}
