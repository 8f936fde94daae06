export { dataFrame, type Row } from './dataFrame.js';
export { display, DisplayHandle, inNotebook } from './display.js';
export type { Bundle } from './kernelOutput.js';
export { markdown } from './markdown.js';
export { renderPng, type PngOptions } from './renderPng.js';
export { show, type FigureView, type ShowOptions } from './show.js';
export { table } from './table.js';
export type { TableData, TableOptions } from './tableColumns.js';
export { watch, type WatchOptions } from './watch.js';
