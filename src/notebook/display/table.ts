import { type Bundle, display } from './output.js';
import { UserError } from '../../errors.js';
import { markup } from '../render/markup.js';

/** A row of a table: column name to value. It is empty in columns that only other rows have. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** Converts rows to the form that `table` shows, with columns in the order of their first appearance. */
export function tableData(rows: readonly Row[]): TableData {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return { columns, values: rows.map((row) => columns.map((name) => row[name] ?? null)) };
}

/**
 * Shows rows, a danfojs DataFrame, or anything with `columns` and `values` (rows of cells), below the cell: HTML,
 * Markdown and plain text in one output. Numbers are right-aligned, with the same number of decimals throughout a
 * column. Outside of a notebook it prints the text.
 *
 * @throws UserError when `formats` names a column that the frame does not have.
 */
export function table(frame: TableData | readonly Row[], options: TableOptions = {}): void {
  display(tableForms(tableColumns(frame, options), options.caption));
}

/** The part of a danfojs DataFrame that a table shows. */
export interface TableData {
  columns: readonly string[];
  /** Rows of cells. */
  values: unknown;
}

/** How a table is shown. */
export interface TableOptions {
  /** A line above the table that says what it holds. */
  caption?: string;
  /** For a column, the number of decimals, or a function that turns a cell into text. */
  formats?: Readonly<Record<string, number | ((value: unknown) => string)>>;
}

export interface TableColumn {
  name: string;
  numeric: boolean;
  cells: string[];
}

/**
 * Returns the columns of rows or of a frame as text. Numbers without a format get the fewest decimals, up to 4, that
 * represent all numbers of the column; a small number that would lose too much gets four significant digits. Numbers
 * are written so that programs can read them: 2023, -5.5, 1e-7, NaN.
 */
export function tableColumns(given: TableData | readonly Row[], { formats = {} }: TableOptions): TableColumn[] {
  const frame = 'columns' in given ? given : tableData(given);
  const unknown = Object.keys(formats).find((name) => !frame.columns.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`formats must name columns (${frame.columns.join(', ')}); received '${unknown}'`);
  }
  const rows = frame.values as unknown[][];
  return frame.columns.map((name, c) => {
    const values = rows.map((row) => row[c]);
    const present = values.filter((value) => value !== null && value !== undefined);
    const numeric =
      present.length > 0 && present.every((value) => typeof value === 'number' || typeof value === 'bigint');
    const usual = decimals(present);
    const format = Object.hasOwn(formats, name) ? formats[name] : (value: unknown) => shown(value, usual);
    return { name, numeric, cells: values.map((value) => cell(value, format)) };
  });
}

function cell(value: unknown, format: number | ((value: unknown) => string)): string {
  if (value === null || value === undefined) return '';
  if (typeof format === 'function') return format(value);
  return typeof value === 'number' ? value.toFixed(format) : shown(value, format);
}

function shown(value: unknown, digits: number): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'number') return JSON.stringify(value) ?? typeof value;
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return String(value);
  const fixed = value.toFixed(digits);
  const rounded = Math.abs(Number(fixed) - value) > 0 && Math.abs(value) < 10 ** (1 - digits);
  return rounded ? String(Number(value.toPrecision(4))) : fixed;
}

/** Returns how many decimals, up to 4, the numbers need. */
function decimals(values: unknown[]): number {
  const needed = values.map((value) =>
    typeof value === 'number' ? (/\.(\d+)$/.exec(String(value))?.[1].length ?? 0) : 0,
  );
  return Math.min(4, largest(needed));
}

/** Unlike Math.max, it takes any number of values: a call takes only about 100,000 arguments. */
const largest = (numbers: number[]): number => numbers.reduce((most, number) => Math.max(most, number), 0);

const ROWS = 60;

/** The forms of a table that is the value of a cell's last expression: its first 60 rows. */
export function tableResult({ columns, values }: { columns: readonly string[]; values: unknown[] }): Bundle {
  const caption = values.length > ROWS ? `the first ${ROWS} of ${values.length} rows` : undefined;
  return tableForms(tableColumns({ columns, values: values.slice(0, ROWS) }, {}), caption);
}

export function tableForms(columns: TableColumn[], caption?: string): Bundle {
  return {
    'text/html': html(columns, caption),
    'text/markdown': markdown(columns, caption),
    'text/plain': plain(columns, caption),
  };
}

const rowsOf = (columns: TableColumn[]): number[] => [...(columns[0]?.cells.keys() ?? [])];

function html(columns: TableColumn[], caption?: string): string {
  const look = ({ numeric }: TableColumn): string =>
    numeric ? 'text-align: right; font-variant-numeric: tabular-nums' : 'text-align: left';
  const head = columns.map((column) => markup`<th scope="col" style="${look(column)}">${column.name}</th>`);
  const cellIn = (row: number) => (column: TableColumn) =>
    markup`<td style="${look(column)}">${column.cells[row]}</td>`;
  const body = rowsOf(columns).map((row) => markup`<tr>${columns.map(cellIn(row))}</tr>`);
  const title = caption !== undefined && markup`<caption>${caption}</caption>`;
  const rows = markup`<thead><tr>${head}</tr></thead><tbody>${body}</tbody>`;
  return String(markup`<table class="dataframe">${title}${rows}</table>`);
}

function markdown(columns: TableColumn[], caption?: string): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  const safe = (text: string): string =>
    String(markup`${text}`)
      .replaceAll('|', '\\|')
      .replaceAll('\n', ' ');
  return [
    ...(caption === undefined ? [] : [`*${safe(caption)}*`, '']),
    line(columns.map(({ name }) => safe(name))),
    line(columns.map(({ numeric }) => (numeric ? '---:' : ':---'))),
    ...rowsOf(columns).map((row) => line(columns.map(({ cells }) => safe(cells[row])))),
  ].join('\n');
}

function plain(columns: TableColumn[], caption?: string): string {
  const padded = columns.map(({ name, numeric, cells }) => {
    const width = largest([name, ...cells].map((text) => text.length));
    return [name, '-'.repeat(width), ...cells].map((text) => (numeric ? text.padStart(width) : text.padEnd(width)));
  });
  const line = (_: string, row: number): string => padded.map((column) => column[row]).join('  ');
  return [...(caption === undefined ? [] : [caption]), ...(padded[0] ?? []).map(line)]
    .map((text) => text.trimEnd())
    .join('\n');
}
