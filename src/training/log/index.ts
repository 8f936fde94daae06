export { followRun, type FollowOptions } from './followRun.js';
export { listed, runIds, runNamed, runsFolder, type RunSummary } from './listRuns.js';
export { provenance, type Provenance } from './provenance.js';
export { readRun, type LoggedEvent, type LoggedRun } from './readRun.js';
export { reopenRun, RunFolder, type GateMasks, type RunFacts } from './runFolder.js';
