import { isObject } from '../../formats/json.js';

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

/** A cell without outputs. */
export function newCell(cell_type: Cell['cell_type'], common: Pick<Cell, 'id' | 'metadata' | 'source'>): Cell {
  return cell_type === 'code' ? { cell_type, ...common, execution_count: null, outputs: [] } : { cell_type, ...common };
}

/** A notebook, nbformat 4.5. */
export interface Notebook {
  nbformat: 4;
  nbformat_minor: number;
  metadata: Metadata & { kernelspec?: { name: string; display_name: string; language?: string } };
  cells: Cell[];
}

/** Whether a value is text, or its lines. */
export const isText = (value: unknown): value is MultilineText =>
  typeof value === 'string' || (Array.isArray(value) && value.every((line) => typeof line === 'string'));

const isJsonType = (mime: string): boolean => /^application\/(.+\+)?json$/.test(mime);

/**
 * Returns why a value is not an output, as half a sentence; undefined if it is one. Notebooks keep their outputs
 * whatever they are, so check each output before reading it.
 */
export function faultOfOutput(output: unknown): string | undefined {
  if (!isObject(output)) return 'is not an object';
  const needs = (name: string, what: string): string => `needs '${name}', ${what}`;
  switch (output.output_type) {
    case 'stream':
      if (output.name !== 'stdout' && output.name !== 'stderr') return needs('name', 'which is stdout or stderr');
      return isText(output.text) ? undefined : needs('text', 'text or lines of text');
    case 'display_data':
    case 'execute_result': {
      if (!isObject(output.data)) return needs('data', 'an object that holds it by MIME type');
      const wrong = Object.entries(output.data).find(([mime, value]) => !isJsonType(mime) && !isText(value));
      return wrong && `has ${wrong[0]} that is neither text nor lines of text`;
    }
    case 'error':
      if (typeof output.ename !== 'string') return needs('ename', "the error's name");
      if (typeof output.evalue !== 'string') return needs('evalue', "the error's message");
      if (Array.isArray(output.traceback) && isText(output.traceback)) return undefined;
      return needs('traceback', 'a list of lines');
    default:
      return needs('output_type', 'which is stream, display_data, execute_result or error');
  }
}

/** The text as one string. */
export function joined(text: MultilineText): string {
  return typeof text === 'string' ? text : text.join('');
}

/** The text as lines, each with its line end. */
export function lines(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n)/);
}

/** Whether a cell has a tag; nbconvert's documentation writes `remove_cell` for `remove-cell`. */
export function hasTag(cell: Cell, tag: string): boolean {
  return cell.metadata.tags?.some((one) => one.replaceAll('_', '-') === tag) ?? false;
}

/** Whether a run executes a cell: code that is not empty and not tagged `skip-execution`. */
export function isExecuted(cell: Cell): cell is CodeCell {
  return cell.cell_type === 'code' && joined(cell.source).trim() !== '' && !hasTag(cell, 'skip-execution');
}

const LONGEST = 60;

/** What to call a cell: the nearest Markdown heading above it, else its first comment, else its first line. */
export function cellTitle(cells: Cell[], index: number): string {
  const source = joined(cells[index].source);
  const title = headingAbove(cells, index) ?? firstComment(source) ?? source.trim().split('\n')[0];
  return title.length > LONGEST ? `${title.slice(0, LONGEST - 1)}…` : title;
}

function headingAbove(cells: Cell[], index: number): string | undefined {
  for (const cell of cells.slice(0, index).reverse()) {
    if (cell.cell_type !== 'markdown') continue;
    // A '#' inside a fenced block is a comment in code.
    const text = joined(cell.source).replace(/^(```|~~~)[^]*?^\1/gm, '');
    const heading = [...text.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].at(-1)?.[1];
    if (heading) return heading.replace(/[*_`]/g, '').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  }
  return undefined;
}

function firstComment(source: string): string | undefined {
  const [, line, block] = /^\s*(?:\/\/+\s*(.+)|\/\*+\s*([^]*?)\s*\*\/)/.exec(source) ?? [];
  return (line ?? block?.split('\n')[0])?.trim();
}

/** How long a cell ran, in seconds, from the timing that runners and Jupyter record; undefined if there is none. */
export function secondsTaken({ metadata }: CodeCell): number | undefined {
  const timing = isObject(metadata.execution) ? metadata.execution : {};
  const time = (...names: string[]): number => {
    const noted = names.map((name) => timing[name]).find((value) => typeof value === 'string');
    return Date.parse(noted ?? '');
  };
  const start = time('iopub.execute_input', 'iopub.status.busy');
  const end = time('shell.execute_reply', 'iopub.status.idle');
  const seconds = (end - start) / 1000;
  return seconds >= 0 ? seconds : undefined;
}

/** Records in a notebook's metadata the parameters and the kernel with which it runs. */
export function noteRun(
  { metadata }: Pick<Notebook, 'metadata'>,
  parameters: Metadata,
  { spec, info }: { spec: { name: string; display_name: string; language: string }; info: Metadata },
): void {
  metadata.sparsebook = { ...(Object(metadata.sparsebook) as Metadata), parameters };
  metadata.kernelspec ??= { name: spec.name, display_name: spec.display_name, language: spec.language };
  if (info.language_info) metadata.language_info = info.language_info;
}

/** The language of a notebook's code, by its metadata. */
export function languageOf({ metadata: { language_info, kernelspec } }: Notebook): string {
  const noted = [(Object(language_info) as Metadata).name, (Object(kernelspec) as Metadata).language];
  return noted.find((name): name is string => typeof name === 'string') ?? 'typescript';
}

/** How much of a part of a cell is visible; a click opens a folded part. */
export type Extent = 'shown' | 'folded' | 'removed';

/** Returns how pages should show the parts of a cell, by its tags or Jupyter's metadata. */
export function partsOf(cell: Cell): { source: Extent; outputs: Extent } {
  const { jupyter, collapsed } = cell.metadata;
  const { source_hidden, outputs_hidden } = isObject(jupyter) ? jupyter : {};
  const part = (name: 'input' | 'output', hidden: boolean): Extent => {
    if (hasTag(cell, `remove-${name}`) || hasTag(cell, 'remove-cell')) return 'removed';
    return hidden || hasTag(cell, `hide-${name}`) || hasTag(cell, 'hide-cell') ? 'folded' : 'shown';
  };
  return {
    source: part('input', source_hidden === true),
    outputs: part('output', outputs_hidden === true || collapsed === true),
  };
}
