export { faultOf, type Fault } from './provenance.js';
export type { MimeBundle } from './markup.js';
export { outputPage, type OutputPage } from './outputPage.js';
export { renderOutput, renderOutputs } from './outputs.js';
export { renderReport, type ReportOptions } from './renderReport.js';
export { sanitize } from './sanitize.js';
