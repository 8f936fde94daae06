import type { Bundle } from './kernelOutput.js';
import type { TableColumn } from './tableColumns.js';

/** A table as HTML, as Markdown and as aligned plain text. */
export function tableForms(columns: TableColumn[], caption?: string): Bundle {
  return {
    'text/html': html(columns, caption),
    'text/markdown': markdown(columns, caption),
    'text/plain': plain(columns, caption),
  };
}

const rowsOf = (columns: TableColumn[]): number[] => [...(columns[0]?.cells.keys() ?? [])];

function html(columns: TableColumn[], caption?: string): string {
  const style = ({ numeric }: TableColumn): string =>
    numeric ? ' style="text-align: right; font-variant-numeric: tabular-nums"' : ' style="text-align: left"';
  const head = columns.map((column) => `<th scope="col"${style(column)}>${escape(column.name)}</th>`).join('');
  const body = rowsOf(columns).map(
    (row) => `<tr>${columns.map((column) => `<td${style(column)}>${escape(column.cells[row])}</td>`).join('')}</tr>`,
  );
  const title = caption === undefined ? '' : `<caption>${escape(caption)}</caption>`;
  return `<table class="dataframe">${title}<thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table>`;
}

function markdown(columns: TableColumn[], caption?: string): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  const safe = (text: string): string => escape(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
  return [
    ...(caption === undefined ? [] : [`*${safe(caption)}*`, '']),
    line(columns.map(({ name }) => safe(name))),
    line(columns.map(({ numeric }) => (numeric ? '---:' : ':---'))),
    ...rowsOf(columns).map((row) => line(columns.map(({ cells }) => safe(cells[row])))),
  ].join('\n');
}

function plain(columns: TableColumn[], caption?: string): string {
  const padded = columns.map(({ name, numeric, cells }) => {
    const width = Math.max(...[name, ...cells].map((text) => text.length));
    return [name, '-'.repeat(width), ...cells].map((text) => (numeric ? text.padStart(width) : text.padEnd(width)));
  });
  const lines = [...(padded[0]?.keys() ?? [])].map((row) =>
    padded
      .map((column) => column[row])
      .join('  ')
      .trimEnd(),
  );
  return [...(caption === undefined ? [] : [caption]), ...lines].join('\n');
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
