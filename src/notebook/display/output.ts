import { Buffer, loadedModules, randomBytes } from '#platform';
import { type FinishedRun, takeFinished } from '../../experiments/run/finishedRuns.js';

/**
 * What a cell shows, as one thing in several forms: MIME type to content, an image's as base64 or as its bytes. A
 * viewer picks the richest it knows.
 */
export type Bundle = Record<string, unknown>;

/**
 * Metadata of the forms: MIME type to the size of an image and its alternative text (`alt`). `sparsebook.runs` are the
 * runs that came to their end before it was shown: by these a page that runs carries them.
 */
export type BundleMetadata = Record<string, object>;

interface DisplayData {
  data: Bundle;
  metadata: BundleMetadata;
  transient: { display_id: string };
}

/** Sends display_data, or update_display_data, on behalf of the cell that runs. */
export type WriteDisplayData = (content: DisplayData, update: boolean) => void;

/** What runs cells and shows what they give. */
export interface CellRunner {
  write: WriteDisplayData;
  /** Whether it draws plotly's figures itself wherever it shows them, so that no image need come along. */
  drawsFigures: boolean;
}

let given: CellRunner | undefined;

/** Sends what cells show to `runner`: for a program other than tslab that runs cells, such as a page. */
export function showIn(runner: CellRunner | undefined): void {
  given = runner;
}

/**
 * What runs the cell that called, or undefined outside of a notebook: the one that was given, or the tslab that the
 * process has loaded already. That may be a globally installed one, and importing `tslab` from here would load a second
 * copy, which shows nothing.
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

  /** Replaces what is shown, in every place where it is shown. Does nothing outside of a notebook. */
  update(bundle: Bundle, metadata: BundleMetadata = {}): void {
    this.send(bundle, metadata, true);
  }

  /** Adds the bundle to the output of the cell that runs; false outside of a notebook. */
  send(bundle: Bundle, metadata: BundleMetadata = {}, update = false): boolean {
    const runner = cellRunner();
    if (runner) this.runs.push(...takeFinished());
    const about = this.runs.length > 0 ? { ...metadata, sparsebook: { runs: this.runs } } : metadata;
    runner?.write({ data: asSent(bundle), metadata: about, transient: { display_id: this.id } }, update);
    return runner !== undefined;
  }
}

/** A bundle in which bytes, such as those of a file that was read, are what Jupyter takes: base64, or the text. */
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
 * Shows Markdown below the cell: markdown`Accuracy: **${accuracy}**`. The text is taken as written, so that a backslash
 * in a formula needs no second one; the indentation that all its lines share is dropped, values stay as they are.
 */
export function markdown({ raw }: TemplateStringsArray, ...values: unknown[]): void {
  const text = String.raw({ raw: unindented(raw) }, ...values)
    .replace(/^\n/, '')
    .trimEnd();
  display({ 'text/markdown': text, 'text/plain': text });
}

/** The pieces of a template without the indentation that all its own lines share. */
function unindented(pieces: readonly string[]): string[] {
  // A letter in place of each value: a line that begins with one is no empty line.
  const lines = pieces.join('x').split('\n');
  const written = lines.slice(lines[0].trim() === '' ? 1 : 0).filter((line) => line.trim() !== '');
  const shared = Math.min(...written.map((line) => line.length - line.trimStart().length));
  const indents = new RegExp(`\\n[^\\S\\n]{0,${Number.isFinite(shared) ? shared : 0}}`, 'g');
  return pieces.map((piece) => piece.replace(indents, '\n'));
}
