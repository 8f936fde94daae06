import { readFileSync } from 'node:fs';
import { UserError } from '../../errors.js';

/** Text as nbformat stores it: one string, or its lines. */
export type Multiline = string | string[];

/** A MIME bundle: one result in several representations. JSON types hold a value, all others text. */
export type MimeBundle = Record<string, unknown>;

/** One output of a code cell (nbformat 4.5). */
export type Output =
  | { output_type: 'stream'; name: string; text: Multiline }
  | { output_type: 'error'; ename: string; evalue: string; traceback: string[] }
  | {
      output_type: 'display_data' | 'execute_result';
      data: MimeBundle;
      metadata?: Record<string, unknown>;
    };

/** What the headless runner notes down on a cell or a notebook; every key may be absent. */
export type Metadata = Record<string, unknown> & { tags?: string[]; sparsebook?: Record<string, unknown> };

/** One cell (nbformat 4.5). */
export interface Cell {
  id?: string;
  cell_type: 'code' | 'markdown' | 'raw';
  source: Multiline;
  metadata: Metadata;
  outputs?: Output[];
  execution_count?: number | null;
  attachments?: Record<string, MimeBundle>;
}

/** A notebook (nbformat 4.5), as far as a report reads it. */
export interface Notebook {
  cells: Cell[];
  metadata: Metadata;
}

/** Joins text that nbformat may have split into lines. */
export function joined(text: unknown): string {
  if (Array.isArray(text)) return text.map(String).join('');
  return typeof text === 'string' ? text : '';
}

/**
 * Reads a notebook file.
 * @throws UserError when the file is missing, is not JSON or is not a version 4 notebook.
 */
export function readNotebook(file: string): Notebook {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UserError(`A report needs a notebook that can be read; ${file} cannot: ${(cause as Error).message}`, {
      cause,
    });
  }
  let value: Partial<Notebook> & { nbformat?: unknown };
  try {
    value = JSON.parse(text) as typeof value;
  } catch (cause) {
    throw new UserError(`A notebook is JSON; ${file} is not: ${(cause as Error).message}`, { cause });
  }
  if (value.nbformat !== 4 || !Array.isArray(value.cells)) {
    throw new UserError(
      `A report reads notebooks of format version 4 with a list of cells; ${file} has version ${JSON.stringify(value.nbformat)}. Open and save it in a current Jupyter to convert it.`,
    );
  }
  return { cells: value.cells.map(completeCell), metadata: value.metadata ?? {} };
}

function completeCell(cell: Partial<Cell>): Cell {
  return { ...cell, cell_type: cell.cell_type ?? 'raw', source: cell.source ?? '', metadata: cell.metadata ?? {} };
}
