export { liveFigure, show, type FigureView, type LiveFigureOptions } from './figure.js';
export { follow, type FollowCellOptions } from './follow.js';
export { display, DisplayHandle, inNotebook, markdown, type Bundle } from './output.js';
export { renderPng, type PngOptions } from './renderPng.js';
export { dataFrame, table, type Row, type TableData, type TableOptions } from './table.js';
export { watch, type WatchOptions } from './watch.js';
export { watchAll, type WatchAllOptions } from './watchAll.js';
