import { randomUUID } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { reasonOf } from '../../errors.js';
import { USUAL_KERNEL } from '../jupyter/kernelSpec.js';
import { machinePathRemover } from '../run/machinePaths.js';
import { type Notebook, noteRun } from '../run/notebook.js';
import { type DocumentFile, Draft } from './document/documentFile.js';
import type { Renderer } from './document/liveCell.js';
import { LiveDocument } from './document/liveDocument.js';
import { LiveCode } from './code/liveCode.js';
import { Clock, Slice } from './document/slice.js';
import { reportingErrors, reportError } from './reportErrors.js';
import { CellRunner } from './kernel/cellRunner.js';
import { LiveKernel, type SpareKernel } from './kernel/liveKernel.js';
import type { FileStatus, Patch } from './protocol.js';

/** Milliseconds from the last change of a source until the draft is written. */
const AFTER_LAST = 2000;
/**
 * The same from the first change, while others follow: a run that prints all the time should not be written all the
 * time.
 */
const AFTER_FIRST = { source: 10_000, outputs: 30_000 };

/**
 * An open notebook: the document and its outputs, its kernel and its file. It belongs to the server and does not depend
 * on open pages.
 */
export class LiveSession {
  readonly clock = new Clock();
  readonly kernel: LiveKernel;
  readonly status: Slice<FileStatus>;
  /** Identifies the document; a document that is read again from its file gets another epoch. */
  epoch: string = randomUUID();
  document!: LiveDocument;
  runner!: CellRunner;
  code!: LiveCode;
  /** Whether its file was renamed, so that no page is served any more. */
  ended = false;
  private changes = 0;
  /** How many changes the draft holds. */
  private kept = 0;
  /** When the draft is to be written, and the latest time to which further changes may postpone that. */
  private due = Infinity;
  private latest = Infinity;
  /** Why the draft could not be written the last time. */
  private unkept: string | undefined;
  private renderer!: Renderer;
  private readonly draft: Draft;

  /**
   * Opens a notebook's file, or the draft beside it; throws a UserError if it is not a notebook. Starts no kernel, but
   * a notebook that the spare kernel suits gets it, because it already runs.
   */
  static async open(file: DocumentFile, path: string, spare?: SpareKernel): Promise<LiveSession> {
    const session = new LiveSession(file, path, await file.read(), spare);
    if (spare?.suits(session.kernel.asked, dirname(file.path))) session.kernel.get().catch(() => undefined);
    const { rendererIn } = await import('./document/renderer.js');
    session.renderer = rendererIn(dirname(file.path), () => session.document.list.map(({ cell }) => cell));
    await session.lookForDraft();
    return session;
  }

  private constructor(
    readonly file: DocumentFile,
    path: string,
    private saved: Notebook,
    spare?: SpareKernel,
  ) {
    this.draft = new Draft(file);
    this.status = new Slice<FileStatus>(this.clock, { path, dirty: false });
    this.kernel = new LiveKernel(this.clock, kernelAsked(saved), dirname(file.path), spare);
    this.kernel.onGone = () => this.code.forgetKernel();
    this.take(saved);
  }

  /** Everything but the outputs, which may take a second to render: enough to read and to run the notebook. */
  opening(): Patch {
    return this.patch(0, Infinity);
  }

  /** Resolves when no kernel is starting and no cell is running. */
  async quiet(): Promise<void> {
    await this.kernel.started();
    await this.runner.settled();
  }

  /** Whether `since` can continue from a version of an epoch. */
  knows(version: number, epoch: string): boolean {
    return epoch === this.epoch && version > 0 && version <= this.clock.version;
  }

  /** What changed since a known version, and outputs changed since `outputsSeen`; undefined if nothing did. */
  since(version: number, outputsSeen: number): Patch | undefined {
    return Math.min(version, outputsSeen) === this.clock.version ? undefined : this.patch(version, outputsSeen);
  }

  private patch(from: number, outputsFrom: number): Patch {
    const kernel = this.kernel.status.since(from);
    const file = this.status.since(from);
    const parameters = this.code.panel.controls.since(from);
    const variables = this.kernel.variables.since(from);
    const tensors = this.kernel.tensors.since(from);
    return {
      epoch: this.epoch,
      version: this.clock.version,
      whole: from === 0,
      ...this.document.since(from, this.renderer, outputsFrom),
      ...(kernel && { kernel }),
      ...(file && { file }),
      ...(parameters && { parameters }),
      ...(variables && { variables }),
      ...(tensors === undefined ? {} : { tensors }),
    };
  }

  /** Notes a change of the document; `source` is true if a cell's source changed, not only outputs. */
  changed({ source = true } = {}): void {
    this.changes++;
    const now = performance.now();
    this.latest = Math.min(this.latest, now + (source ? AFTER_FIRST.source : AFTER_FIRST.outputs));
    this.due = Math.min(this.latest, source ? now + AFTER_LAST : this.due);
    this.status.set({ ...this.status.get(), dirty: true });
    if (source) this.readSources();
  }

  /**
   * Saves, unless the file is not the one that was read or saved last: then pages ask what to do. Returns whether it
   * has saved; a failure is reported to the pages. Never throws.
   */
  async save(): Promise<boolean> {
    const { changes } = this;
    try {
      const state = await this.file.write(this.notebookNow());
      if (state === 'same') {
        this.status.set({ path: this.status.get().path, dirty: this.changes !== changes });
        await this.draft.remove().catch((error: unknown) => this.tell(reasonOf(error)));
      } else this.status.set({ ...this.status.get(), conflict: state });
      return state === 'same';
    } catch (error) {
      this.status.set({ ...this.status.get(), dirty: true, note: reasonOf(error) });
      return false;
    }
  }

  /** Saves changes in the draft; returns whether they are safe. A failure is reported to the pages. Never throws. */
  async keep(): Promise<boolean> {
    const { changes } = this;
    this.due = this.latest = Infinity;
    if (!this.status.get().dirty || changes === this.kept) return true;
    try {
      await this.draft.write(this.notebookNow());
      this.kept = changes;
      // The notebook was saved meanwhile, so there is nothing to keep.
      if (!this.status.get().dirty) await this.draft.remove();
      const { note, ...status } = this.status.get();
      // The note on a failed save stays until a save succeeds.
      if (note !== undefined && note === this.unkept) this.status.set(status);
      this.unkept = undefined;
      return true;
    } catch (error) {
      this.tell((this.unkept = reasonOf(error)));
      this.due = Math.min(this.due, performance.now() + AFTER_FIRST.outputs);
      return false;
    }
  }

  /** Writes the draft if it is due. */
  async keepWhenDue(): Promise<void> {
    if (performance.now() >= this.due) await this.keep();
  }

  notebookNow(): Notebook {
    this.runner.flush();
    return this.document.save();
  }

  /** Shows a note about the document or its file in the pages. */
  tell(note: string): void {
    this.status.set({ ...this.status.get(), note });
  }

  /** Reports an internal error in the terminal and in the pages; everything else continues. */
  fail(error: unknown): void {
    reportError(this.status.get().path, error);
    this.tell(`Internal error in this notebook: ${reasonOf(error)}. Save the notebook and open it again.`);
  }

  /** Stops serving pages. */
  end(): void {
    this.ended = true;
    this.clock.tick();
  }

  async lookAtFile(): Promise<void> {
    const state = await this.file.look();
    const { conflict: _conflict, ...status } = this.status.get();
    this.status.set(state === 'same' ? status : { ...status, conflict: state });
  }

  /** Resolves a conflict: keeps this version, the one on disk, or both, saving this version under another name. */
  async resolve(choice: 'mine' | 'theirs' | 'copy'): Promise<void> {
    const { path } = this.status.get();
    if (choice === 'mine') {
      await this.file.accept();
      await this.save();
      return;
    }
    const notebook = await this.file.read();
    const note = choice === 'copy' ? `What was here is saved as ${basename(await this.copy())}.` : undefined;
    await this.draft.remove();
    this.saved = notebook;
    this.begin(notebook);
    this.status.set({ path, dirty: false, ...(note === undefined ? {} : { note }) });
  }

  /** Saves this version under another name, beside the file or in another folder; returns the path. */
  copy(folder?: string): Promise<string> {
    return this.file.writeCopy(this.notebookNow(), folder);
  }

  /** Gives every parameter its value in the file when it was opened. */
  resetParameters(): void {
    if (this.code.resetParameters()) this.changed();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.kernel.get();
  }

  /** Restarts the kernel, if there is one, once no cell runs. */
  async restartWhenQuiet(): Promise<void> {
    await this.quiet();
    if (this.kernel.status.get().state === 'idle') await this.restart();
  }

  /** Ends the kernel. Waiting cells are not run. */
  async stop(atOnce = this.kernel.status.get().state !== 'idle'): Promise<void> {
    this.runner.drop();
    await this.kernel.stop(atOnce);
    await this.runner.settled();
  }

  /** Continues from the draft beside the file, if there is one. */
  private async lookForDraft(): Promise<void> {
    const found = await this.draft.find(this.saved).catch((error: unknown) => this.tell(reasonOf(error)));
    if (!found) return;
    this.begin(found.notebook);
    this.file.expect(found.of);
    this.status.set({ path: this.status.get().path, dirty: true, draft: found.time });
    await this.lookAtFile();
  }

  /** Replaces the document. */
  private begin(notebook: Notebook): void {
    this.runner.drop();
    this.epoch = randomUUID();
    this.take(notebook);
  }

  private take(notebook: Notebook): void {
    this.document = new LiveDocument(this.clock, notebook);
    this.code = new LiveCode(this.clock, this.document, notebook, this.saved.cells);
    this.runner = new CellRunner(this.document, this.kernel, machinePathRemover(dirname(this.file.path)), {
      start: ({ id }, kernel) => {
        this.code.begin(id);
        // Cells are now run by hand, so the record of a headless run no longer applies.
        delete this.document.metadata.papermill;
        noteRun(this.document, this.code.panel.ranWith(), kernel);
      },
      end: ({ id }, well) => {
        this.code.end(id, well);
        reportingErrors(`${this.status.get().path}, variables`, () => this.kernel.lookAtVariables());
      },
      change: () => this.changed({ source: false }),
      fail: (error) => this.fail(error),
    });
    this.readSources();
  }

  /** Reads the parameters and marks stale cells; if sources cannot be read, the pages say why. */
  private readSources(): void {
    try {
      this.code.read();
    } catch (error) {
      this.tell(`The parameters cannot be read: ${reasonOf(error)}.`);
    }
  }
}

/** The kernel's name in a notebook's metadata, which may be of any type; the usual kernel if there is none. */
function kernelAsked({ metadata }: Notebook): unknown {
  const spec: unknown = metadata.kernelspec;
  return spec === undefined ? USUAL_KERNEL : (Object(spec) as { name?: unknown }).name;
}
