// Everything that notebooks import from 'sparsebook': the library, and functions that show results, follow runs and
// save outputs beside a notebook.
export * from './index.js';

export { dataFrame } from './notebook/display/dataFrame.js';
export {
  liveFigure,
  show,
  type FigureView,
  type LiveFigureOptions,
  type ShowOptions,
} from './notebook/display/figure.js';
export { follow, loadSweep } from './notebook/display/follow.js';
export {
  display,
  inNotebook,
  markdown,
  type Bundle,
  type BundleMetadata,
  type DisplayHandle,
} from './notebook/display/output.js';
export type { PngOptions } from './notebook/display/pngOptions.js';
export { renderPng } from './notebook/display/renderPng.js';
export { table, type Row, type TableData, type TableOptions } from './notebook/display/table.js';
export {
  watch,
  type FollowCellOptions,
  type WatchOptions,
  type Watched,
  watchAll,
  type WatchAllOptions,
} from './notebook/display/watch.js';
export { interruptSignal } from './notebook/kernel/interrupt.js';
export { saveOutput, savedOutput } from './notebook/outputs.js';
