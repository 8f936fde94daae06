export { faultOf, type Fault } from './faultOf.js';
export type { MimeBundle } from './mimeBundle.js';
export { outputPage, type OutputPage } from './outputPage.js';
export { renderOutput, renderOutputs } from './outputs.js';
export { renderReport, type ReportOptions } from './renderReport.js';
export { sanitize } from './sanitize.js';
