export { freshness, sourceHash } from './freshness.js';
export {
  readNotebook,
  type Cell,
  type Metadata,
  type MimeBundle,
  type Multiline,
  type Notebook,
  type Output,
} from './notebook.js';
export { renderOutput, renderOutputs, type FigureCounter } from './outputs.js';
export { renderReport, type ReportOptions } from './renderReport.js';
export { sanitize } from './sanitize.js';
export { readParameters, type Parameter } from './parameters.js';
