import type { Row } from './dataFrame.js';
import type { TableData } from './table.js';

/** Rows as a danfojs DataFrame gives them to `table`: a page is not made to load danfojs. */
export const dataFrame = (rows: readonly Row[]): TableData => ({
  columns: Object.keys(rows[0] ?? {}),
  values: rows.map((row) => Object.values(row)),
});
