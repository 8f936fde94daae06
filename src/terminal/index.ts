export * from './duration.js';
export * from './fieldList.js';
export * from './readAssignments.js';
export * from './shownPath.js';
export * from './statusLine.js';
export * from './stopSignals.js';
export * from './textTable.js';
export * from './untilStopped.js';
