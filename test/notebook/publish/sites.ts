import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { renderSite, siteFolder, type SiteOptions } from 'sparsebook/notebook/publish/site.js';
import type { Cell, Notebook } from 'sparsebook/notebook/run/notebook.js';
import { writeFolderWhole } from 'sparsebook/platform/writeFolder.js';
import { codeCell, notebookOf } from '../report/fixture.ts';

/** A text cell. */
export const text = (source: string): Cell => ({ cell_type: 'markdown', id: 'text', metadata: {}, source });

/** A code cell that displayed a figure of one line. */
export const figure = codeCell('curve()', {
  outputs: [
    {
      output_type: 'display_data',
      data: { 'application/vnd.plotly.v1+json': { data: [{ type: 'scatter', y: [1, 3, 2] }], layout: {} } },
      metadata: {},
    },
  ],
});

/** A temporary folder with the named notebooks; returns their files. */
export function notebookFiles(notebooks: Record<string, Cell[] | Notebook>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'publish-'));
  return Object.entries(notebooks).map(([name, cells]) => {
    const file = join(folder, `${name}.ipynb`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(Array.isArray(cells) ? notebookOf(...cells) : cells));
    return file;
  });
}

/** Publishes notebooks to a temporary folder and returns it. */
export async function publish(notebooks: Record<string, Cell[] | Notebook>, options?: SiteOptions): Promise<string> {
  const folder = join(mkdtempSync(join(tmpdir(), 'site-')), 'site');
  await writeFolderWhole(folder, await renderSite(notebookFiles(notebooks), options), await siteFolder(folder));
  return folder;
}
