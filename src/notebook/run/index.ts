export type { CellFault, CellPlace, FailureKind, RunEvent, RunResult } from './events.js';
export * from './notebook.js';
export {
  notebookFile,
  notebookText,
  parseNotebook,
  readNotebook,
  requireEnding,
  resolveNotebook,
  writeNotebook,
  type OutputKind,
} from './notebookFile.js';
export { Verbatim, type GivenValue, type ParameterValue } from './parameters.js';
export { runNotebook, type RunOptions } from './runNotebook.js';
