import { display } from './display.js';
import { tableColumns, type TableData, type TableOptions } from './tableColumns.js';
import { tableForms } from './tableForms.js';

/**
 * Shows a data frame below the cell as a table: HTML, Markdown and plain text in one output. Columns of numbers stand to
 * the right, with the same number of decimals from top to bottom. Outside of a notebook it prints the text.
 *
 * Takes a danfojs DataFrame or anything with `columns` and `values` (rows of cells).
 *
 * @throws UserError when `formats` names a column that the frame does not have.
 */
export function table(frame: TableData, options: TableOptions = {}): void {
  display(tableForms(tableColumns(frame, options), options.caption));
}
