import { loadedModules, randomBytes } from '#platform';
import { type FinishedRun, takeFinished } from '../../experiments/finishedRuns.js';

/** What a cell shows, as one thing in several forms: MIME type to content. A viewer picks the richest it knows. */
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
    runner?.write({ data: bundle, metadata: about, transient: { display_id: this.id } }, update);
    return runner !== undefined;
  }
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
 * in a formula needs no second one; the indentation that all its lines share is dropped.
 */
export function markdown(strings: TemplateStringsArray, ...values: unknown[]): void {
  const text = unindented(String.raw(strings, ...values));
  display({ 'text/markdown': text, 'text/plain': text });
}

function unindented(text: string): string {
  const lines = text.replace(/^\n/, '').trimEnd().split('\n');
  const indents = lines.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length);
  const shared = Math.min(...indents);
  return lines.map((line) => line.slice(Number.isFinite(shared) ? shared : 0)).join('\n');
}
