import { readNotebook, renderReport, type Cell, type Notebook } from 'sparsebook/notebook/report';

/** Reads one of the report's fixture notebooks. */
export function fixture(name: string): Notebook {
  return readNotebook(new URL(`../../fixtures/notebooks/report-${name}.ipynb`, import.meta.url).pathname);
}

/** Renders one of the report's fixture notebooks. */
export function renderFixture(name: string): string {
  return renderReport(fixture(name), { name });
}

/** A notebook of the cells given. */
export function notebookOf(...cells: Partial<Cell>[]): Notebook {
  return { metadata: {}, cells: cells.map((cell) => ({ cell_type: 'code', source: '', metadata: {}, ...cell })) };
}

/** A page without its scripts, styles, fonts and the packed plotly.js. */
export function visible(html: string): string {
  return html.replace(/<(script|style)[^>]*>[\s\S]*?<\/\1>/g, '');
}
