// A page is not made to load danfojs: `table` shows its DataFrames as it does these.
export { tableData as dataFrame } from './table.js';
