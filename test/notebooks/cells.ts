import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import type { Notebook } from 'sparsebook/notebook/run/notebook.js';

/** A cell of a notebook, with its source as one text. */
export interface Cell {
  id: string;
  code: boolean;
  text: string;
  tags: string[];
  outputs: object[];
  /** The SHA-256 of the source that made the outputs. */
  hash?: string;
}

export function cellsOf(name: string): Cell[] {
  const { cells } = JSON.parse(readFileSync(join('notebooks', `${name}.ipynb`), 'utf8')) as Notebook;
  return cells.map((cell) => ({
    id: cell.id,
    code: cell.cell_type === 'code',
    text: [cell.source].flat().join(''),
    tags: cell.metadata.tags ?? [],
    outputs: cell.cell_type === 'code' ? cell.outputs : [],
    hash: (cell.metadata.sparsebook as { sourceHash?: string } | undefined)?.sourceHash,
  }));
}

/**
 * The compiler's errors for all code cells as one module: names that do not exist, or are used before they are
 * declared.
 */
export function compilerErrors(cells: readonly Cell[]): string[] {
  const file = resolve('notebooks', 'cells.ts');
  const text = cells
    .filter(({ code }) => code)
    .map((cell) => cell.text)
    .join('\n');
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  };
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (path) => path === file || disk.fileExists(path),
    getSourceFile: (path, version, ...more) =>
      path === file ? ts.createSourceFile(path, text, version) : disk.getSourceFile(path, version, ...more),
  };
  const program = ts.createProgram([file], options, host);
  const source = program.getSourceFile(file);
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ messageText, start }) => {
      const line = text.slice(text.lastIndexOf('\n', start) + 1).split('\n')[0];
      return `${ts.flattenDiagnosticMessageText(messageText, '\n')} (${line})`;
    },
  );
}
