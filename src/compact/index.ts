export * from './count/index.js';
export * from './export/index.js';
export type { CompactionReport, ReportOptions, Sizes } from './report/compactionReport.js';
export { measureLatency, type Latency, type LatencyOptions } from './report/latency.js';
export * from './report/reportText.js';
export { compact, type CompactOptions } from './shrink/compact.js';
export { Compaction, type LayerWidth } from './shrink/compaction.js';
export type { KeepOptions, KeptBecause } from './shrink/keptChannels.js';
