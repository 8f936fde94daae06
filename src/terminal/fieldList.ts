import { grouped, type Cell } from './textTable.js';

/** A row with many columns as aligned text: a line for each column. */
export function fieldList(row: Readonly<Record<string, Cell>>): string {
  const fields = Object.entries(row).filter(([, value]) => value !== null && value !== undefined);
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  const line = ([name, value]: [string, Cell]): string =>
    `${name.padEnd(width)}  ${typeof value === 'number' ? grouped(value) : value}\n`;
  return fields.map(line).join('');
}
