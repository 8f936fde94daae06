// Writes a notebook again and again until it is killed, and prints a line after each: the child of writing.ts.
//   node writer.mjs FILE FIRST
import { writeSync } from 'node:fs';
import { writeNotebook } from 'sparsebook/notebook/run/notebookFile.js';

const [file, first] = process.argv.slice(2);
writeSync(1, 'ready\n');
for (let n = Number(first); ; n++) {
  const source = String(n).padEnd(300_000, '.');
  const cell = { cell_type: 'code', id: 'a', source, metadata: {}, execution_count: n, outputs: [] };
  await writeNotebook(file, { nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [cell] });
  writeSync(1, `${n}\n`);
}
