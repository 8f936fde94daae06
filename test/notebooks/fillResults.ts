// Writes the records' results between the marks of the pages and of the notebooks' texts.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { joined, lines } from 'sparsebook/notebook/run/notebook.js';
import { readNotebook, writeNotebook } from 'sparsebook/notebook/run/notebookFile.js';
import { filled, pages } from './results.ts';

for (const page of pages) {
  const text = filled(readFileSync(page, 'utf8'));
  writeFileSync(page, await format(text, { ...(await resolveConfig(page)), filepath: page }));
}

for (const name of readdirSync('notebooks').filter((file) => file.endsWith('.ipynb'))) {
  const file = join('notebooks', name);
  const notebook = await readNotebook(file);
  for (const cell of notebook.cells) {
    if (cell.cell_type === 'markdown') cell.source = lines(filled(joined(cell.source)));
  }
  await writeNotebook(file, notebook);
}
