export * from './count/index.js';
export * from './export/index.js';
export { reportText, type CompactionReport, type ReportOptions, type Sizes } from './report/compactionReport.js';
export { measureLatency, type Latency, type LatencyOptions } from './report/latency.js';
export { compact, Compaction, type CompactOptions, type LayerWidth } from './shrink/compact.js';
export type { KeepOptions, KeptBecause } from './shrink/keptChannels.js';
