export type { Checkpoint, CheckpointState, TrainedState } from './checkpoint.js';
export { checkpointed, type CheckpointOptions } from './checkpointed.js';
export { clearOrphans } from '../../platform/asideName.js';
export type { FileSystem } from '../../platform/fileSystem.js';
export {
  findCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
  type CheckpointList,
  type CheckpointSummary,
} from './listCheckpoints.js';
export { loadCheckpoint } from './loadCheckpoint.js';
export { saveCheckpoint } from './saveCheckpoint.js';
export { averagedWeights, restoreWeights, resumeFrom, takeState, type TrainedParts } from './trainedState.js';
