import { asText, inspected } from './asText.js';

const isPlain = (value: unknown): boolean => typeof value !== 'object' || value === null;

/** Formats a value for a table's cell in one line; of an object with more than two properties, only its kind. */
const inCell = (value: unknown): string =>
  inspected(value, {
    deepest: !isPlain(value) && !Array.isArray(value) && Object.keys(value!).length > 2 ? -1 : 0,
    widest: Infinity,
  });

/**
 * Formats `data` as Node's `console.table` does: a row for each of its elements or properties, and a column for each
 * property of these, or each of `columns`. A plain value is formatted as `console.log` does.
 */
export function asTable(data: unknown, columns?: readonly string[]): string {
  if (isPlain(data)) return asText(data);
  const iterated = data instanceof Map || data instanceof Set;
  const rows: [name: string, cells: Map<string, string>][] = iterated
    ? [...data].map((entry, i) => [`${i}`, iteratedCells(entry, data instanceof Map)])
    : Object.entries(data as object).map(([name, row]) => [name, cellsOf(row, columns)]);
  const names = new Set(columns ?? rows.flatMap(([, cells]) => [...cells.keys()].filter((name) => name !== VALUES)));
  if (rows.some(([, cells]) => cells.has(VALUES))) names.add(VALUES);
  return boxed([
    [iterated ? '(iteration index)' : '(index)', ...names],
    ...rows.map(([name, cells]) => [name, ...[...names].map((column) => cells.get(column) ?? '')]),
  ]);
}

const VALUES = 'Values';

function cellsOf(row: unknown, columns?: readonly string[]): Map<string, string> {
  if (isPlain(row)) return new Map([[VALUES, inCell(row)]]);
  const has = Object.entries(row as object).filter(([name]) => columns?.includes(name) ?? true);
  return new Map(has.map(([name, value]) => [name, inCell(value)]));
}

function iteratedCells(entry: unknown, isPair: boolean): Map<string, string> {
  if (!isPair) return new Map([[VALUES, inCell(entry)]]);
  const [key, value] = entry as [unknown, unknown];
  return new Map([
    ['Key', inCell(key)],
    [VALUES, inCell(value)],
  ]);
}

/** Draws a box around rows of strings, headings first. */
function boxed(rows: string[][]): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)) + 2);
  const rule = ([left, between, right]: string): string =>
    left + widths.map((width) => '─'.repeat(width)).join(between) + right;
  const [headings, ...body] = rows.map((row) => `│${row.map((text, i) => ` ${text}`.padEnd(widths[i])).join('│')}│`);
  return [rule('┌┬┐'), headings, rule('├┼┤'), ...body, rule('└┴┘')].join('\n');
}
