/** Text as notebooks keep it: one string, or its lines, each with its line end. */
export type MultilineText = string | string[];

export type Metadata = Record<string, unknown>;

/** One output of a code cell, as nbformat 4 has it. */
export type Output =
  | { output_type: 'stream'; name: 'stdout' | 'stderr'; text: MultilineText }
  | { output_type: 'display_data'; data: Record<string, unknown>; metadata: Metadata }
  | {
      output_type: 'execute_result';
      execution_count: number | null;
      data: Record<string, unknown>;
      metadata: Metadata;
    }
  | { output_type: 'error'; ename: string; evalue: string; traceback: string[] };

export interface CodeCell {
  cell_type: 'code';
  id: string;
  metadata: Metadata & { tags?: string[] };
  source: MultilineText;
  execution_count: number | null;
  outputs: Output[];
}

export interface TextCell {
  cell_type: 'markdown' | 'raw';
  id: string;
  metadata: Metadata & { tags?: string[] };
  source: MultilineText;
  attachments?: Record<string, unknown>;
}

export type Cell = CodeCell | TextCell;

/** A notebook, nbformat 4.5. */
export interface Notebook {
  nbformat: 4;
  nbformat_minor: number;
  metadata: Metadata & { kernelspec?: { name: string; display_name: string; language?: string } };
  cells: Cell[];
}

/** The text as one string. */
export function joined(text: MultilineText): string {
  return typeof text === 'string' ? text : text.join('');
}

/** The text as lines, each with its line end. */
export function lines(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n)/);
}

/** Whether a cell carries a tag. */
export function hasTag(cell: Cell, tag: string): boolean {
  return cell.metadata.tags?.includes(tag) ?? false;
}
