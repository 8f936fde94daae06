import { inspect } from 'node:util';
import { tableColumns, tableForms } from '../display/table.js';
import type { Bundle } from '../display/output.js';

/** The part of a danfojs DataFrame or Series that a table shows. */
interface Frame {
  columns: string[];
  index: (string | number)[];
  values: unknown[];
  shape: number[];
  head(rows: number): Frame;
  print(): void;
  /** What it prints. */
  toString(): string;
}

const ROWS = 60;

/** The forms of a cell's last value: text as `console.log` has it, and a data frame's table. */
export function valueBundle(value: unknown): Bundle {
  if (isFrame(value)) return frameBundle(value);
  return { 'text/plain': typeof value === 'string' ? value : inspect(value) };
}

function isFrame(value: unknown): value is Frame {
  const { columns, index, values, shape, head, print } = (value ?? {}) as Partial<Frame>;
  return (
    [columns, index, values, shape].every(Array.isArray) && typeof head === 'function' && typeof print === 'function'
  );
}

function frameBundle(frame: Frame): Bundle {
  const rows = frame.index.length;
  const { columns, index, values } = rows > ROWS ? frame.head(ROWS) : frame;
  const table = { columns: ['', ...columns], values: index.map((label, i) => [label, values[i]].flat()) };
  const caption = rows > ROWS ? `the first ${ROWS} of ${rows} rows` : undefined;
  return { ...tableForms(tableColumns(table, {}), caption), 'text/plain': frame.toString() };
}
