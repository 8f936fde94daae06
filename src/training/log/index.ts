export type { LoggedEvent } from './eventJson.js';
export { followRun, type FollowOptions } from './followRun.js';
export { listRuns, type RunList, type RunSummary } from './listRuns.js';
export { logged, type LogOptions } from './logged.js';
export { provenance, type Provenance } from './provenance.js';
export { readRun, type RunRecord } from './readRun.js';
export { createRun, reopenRun, Run, type GateMasks, type RunFacts } from './run.js';
