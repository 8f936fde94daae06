import { UserError } from '../../errors.js';

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
  /** For a column, the number of decimals, or what turns a cell into text. */
  formats?: Readonly<Record<string, number | ((value: unknown) => string)>>;
}

/** A column ready to be written: its cells are text. */
export interface TableColumn {
  name: string;
  numeric: boolean;
  cells: string[];
}

/**
 * The columns of a frame as text. Numbers without a format get the fewest decimals, up to 4, that show them all; one of which
 * these would leave too little has as many as it needs. Numbers are written as a program reads them: 2023, -5.5, 1e-7, NaN.
 */
export function tableColumns(frame: TableData, { formats = {} }: TableOptions): TableColumn[] {
  const unknown = Object.keys(formats).find((name) => !frame.columns.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`formats names the column '${unknown}', but the columns are ${frame.columns.join(', ')}`);
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
  const fixed = value.toFixed(digits);
  const rounded = Math.abs(Number(fixed) - value) > 0 && Math.abs(value) < 10 ** (1 - digits);
  return rounded || Math.abs(value) > Number.MAX_SAFE_INTEGER ? String(Number(value.toPrecision(4))) : fixed;
}

/** The decimals, up to 4, that show all of the numbers. */
function decimals(values: unknown[]): number {
  const needed = values.map((value) =>
    typeof value === 'number' ? (/\.(\d+)$/.exec(String(value))?.[1].length ?? 0) : 0,
  );
  return Math.min(4, Math.max(0, ...needed));
}
