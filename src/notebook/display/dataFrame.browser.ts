// In a page the plain rows take the place of danfojs: `table` shows both alike.
export { tableData as dataFrame } from './table.js';
