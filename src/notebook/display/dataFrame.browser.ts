// In a page, plain rows replace danfojs: `table` shows both in the same way.
export { tableData as dataFrame } from './table.js';
