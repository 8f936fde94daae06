import { Buffer, loadedModules, randomBytes } from '#platform';
import { type FinishedRun, takeFinished } from '../../experiments/run/finishedRuns.js';

/**
 * One thing that a cell shows, in several forms: MIME type to content, which is base64 or bytes for an image. A viewer
 * picks the richest form that it knows.
 */
export type Bundle = Record<string, unknown>;

/**
 * Metadata of the forms: MIME type to the size of an image and its alternative text (`alt`). `sparsebook.runs` lists
 * the runs that finished before it was shown: it tells a page that runs which runs to carry.
 */
export type BundleMetadata = Record<string, object>;

interface DisplayData {
  data: Bundle;
  metadata: BundleMetadata;
  transient: { display_id: string };
}

/** Sends display_data, or update_display_data, on behalf of the cell that runs. */
export type WriteDisplayData = (content: DisplayData, update: boolean) => void;

/** A program that runs cells and shows their output. */
export interface CellRunner {
  write: WriteDisplayData;
  /** Whether it draws plotly's figures itself wherever it shows them, so that they need no image. */
  drawsFigures: boolean;
}

let given: CellRunner | undefined;

/** Sends the output of cells to `runner`: for programs other than tslab that run cells, such as a page. */
export function showIn(runner: CellRunner | undefined): void {
  given = runner;
}

/**
 * Returns the runner of the calling cell, or undefined outside of a notebook: the runner given to `showIn`, or the
 * tslab that the process has already loaded. That tslab may be installed globally, and importing `tslab` from here
 * would load a second copy, which shows nothing.
 */
export function cellRunner(): CellRunner | undefined {
  if (given) return given;
  for (const [file, module] of Object.entries(loadedModules)) {
    if (!/[\\/]tslab[\\/]dist[\\/]jupyter\.js$/.test(file)) continue;
    const { lastWriteDisplayData: write } = (module?.exports ?? {}) as {
      lastWriteDisplayData?: WriteDisplayData | null;
    };
    if (write) return { write, drawsFigures: false };
  }
  return undefined;
}

/** Something on display below a cell, which can be replaced in place. */
export class DisplayHandle {
  readonly id: string = randomBytes(16).toString('hex');
  private readonly runs: FinishedRun[] = [];

  /** Replaces the output in every place where it is shown. Does nothing outside of a notebook. */
  update(bundle: Bundle, metadata: BundleMetadata = {}): void {
    this.send(bundle, metadata, true);
  }

  /** Adds the bundle to the output of the running cell; returns false outside of a notebook. */
  send(bundle: Bundle, metadata: BundleMetadata = {}, update = false): boolean {
    const runner = cellRunner();
    if (runner) this.runs.push(...takeFinished());
    const about = this.runs.length > 0 ? { ...metadata, sparsebook: { runs: this.runs } } : metadata;
    runner?.write({ data: asSent(bundle), metadata: about, transient: { display_id: this.id } }, update);
    return runner !== undefined;
  }
}

/** Converts bytes in a bundle, such as those of a file, to what Jupyter expects: text for text types, else base64. */
function asSent(bundle: Bundle): Bundle {
  const sent = ([mime, content]: [string, unknown]): [string, unknown] => {
    if (!(content instanceof Uint8Array)) return [mime, content];
    const { buffer, byteOffset, byteLength } = content;
    return [mime, Buffer.from(buffer, byteOffset, byteLength).toString(/^text\/|xml$/.test(mime) ? 'utf8' : 'base64')];
  };
  return Object.fromEntries(Object.entries(bundle).map(sent));
}

/**
 * Shows a bundle (MIME type to content) below the cell as one output. Outside of a notebook, prints its `text/plain`.
 */
export function display(bundle: Bundle, metadata: BundleMetadata = {}): DisplayHandle {
  const handle = new DisplayHandle();
  const text = bundle['text/plain'];
  if (!handle.send(bundle, metadata) && typeof text === 'string') console.log(text);
  return handle;
}

/** Whether the calling code runs in a cell of a notebook. */
export function inNotebook(): boolean {
  return cellRunner() !== undefined;
}

/**
 * Shows Markdown below the cell: markdown`Accuracy: **${accuracy}**`. The text is raw, so that a backslash in a formula
 * need not be doubled; the indentation that all its lines share is dropped, and values stay as they are.
 */
export function markdown({ raw }: TemplateStringsArray, ...values: unknown[]): void {
  const text = String.raw({ raw: unindented(raw) }, ...values)
    .replace(/^\n/, '')
    .trimEnd();
  display({ 'text/markdown': text, 'text/plain': text });
}

/** The pieces of a template without the indentation that all its own lines share. */
function unindented(pieces: readonly string[]): string[] {
  // A letter stands for each value, so that a line with only a value does not count as empty.
  const lines = pieces.join('x').split('\n');
  const written = lines.slice(lines[0].trim() === '' ? 1 : 0).filter((line) => line.trim() !== '');
  const shared = Math.min(...written.map((line) => line.length - line.trimStart().length));
  const indents = new RegExp(`\\n[^\\S\\n]{0,${Number.isFinite(shared) ? shared : 0}}`, 'g');
  return pieces.map((piece) => piece.replace(indents, '\n'));
}
