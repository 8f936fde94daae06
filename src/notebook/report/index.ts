export { faultOf, type Fault } from './faultOf.js';
export type { MimeBundle } from './mimeBundle.js';
export { renderOutput, renderOutputs, outputPage, type OutputPage } from './outputs.js';
export { renderReport, type ReportOptions } from './renderReport.js';
export { sanitize } from './sanitize.js';
