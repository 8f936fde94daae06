import { readNotebook } from 'sparsebook/notebook/run/notebookFile.js';
import type { Cell, CodeCell, Notebook } from 'sparsebook/notebook/run/notebook.js';
import { renderReport } from 'sparsebook/notebook/report/renderReport.js';

/** The path of one of the report's fixture notebooks. */
export function fixtureFile(name: string): string {
  return new URL(`../../fixtures/notebooks/report-${name}.ipynb`, import.meta.url).pathname;
}

/** Renders one of the report's fixture notebooks. */
export async function renderFixture(name: string): Promise<string> {
  return renderReport(await readNotebook(fixtureFile(name)), { name });
}

/** A code cell that was run. */
export function codeCell(source: string, more: Partial<CodeCell> = {}): CodeCell {
  return { cell_type: 'code', id: 'x', source, metadata: {}, execution_count: 1, outputs: [], ...more };
}

/** A notebook of the cells given. */
export function notebookOf(...cells: Cell[]): Notebook {
  return { nbformat: 4, nbformat_minor: 5, metadata: {}, cells };
}

/** A page without its scripts, styles, fonts and the packed plotly.js. */
export function visible(html: string): string {
  return html.replace(/<(script|style)[^>]*>[\s\S]*?<\/\1>/g, '');
}
