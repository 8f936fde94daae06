import { randomUUID } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { reasonOf } from '../../errors.js';
import { USUAL_KERNEL } from '../jupyter/kernelSpec.js';
import type { KernelClient } from '../kernel/client/kernelClient.js';
import { machinePathRemover } from '../run/machinePaths.js';
import { type ParameterValue, setParameter } from '../run/parameters.js';
import type { Metadata, Notebook } from '../run/notebook.js';
import type { DocumentFile } from './document/documentFile.js';
import type { LiveCell, Renderer } from './document/liveCell.js';
import { LiveDocument } from './document/liveDocument.js';
import { ParameterPanel } from './document/parameters.js';
import { Clock, Slice } from './document/slice.js';
import { CellRunner } from './kernel/cellRunner.js';
import { LiveKernel, type SpareKernel } from './kernel/liveKernel.js';
import type { FileStatus, Patch } from './protocol.js';

/**
 * An open notebook: the document and its outputs, its kernel and its file. It belongs to the server and lives on when
 * pages come and go.
 */
export class LiveSession {
  readonly clock = new Clock();
  readonly kernel: LiveKernel;
  readonly status: Slice<FileStatus>;
  /** The life of the document; a document that is read anew from its file begins another one. */
  epoch: string = randomUUID();
  document: LiveDocument;
  runner: CellRunner;
  panel: ParameterPanel;
  private changes = 0;
  private renderer!: Renderer;

  /**
   * Opens a notebook's file; throws a UserError when it is no notebook. No process is started for it: that takes a
   * person who asks. But a notebook of the project's own kernel is given the spare one, which runs already.
   */
  static async open(file: DocumentFile, path: string, spare?: SpareKernel): Promise<LiveSession> {
    const session = new LiveSession(file, path, await file.read(), spare);
    if (spare?.suits(session.kernel.asked, dirname(file.path))) session.kernel.get().catch(() => undefined);
    const { rendererIn } = await import('./document/renderer.js');
    session.renderer = rendererIn(dirname(file.path));
    session.readParameters();
    return session;
  }

  private constructor(
    readonly file: DocumentFile,
    path: string,
    notebook: Notebook,
    spare?: SpareKernel,
  ) {
    this.status = new Slice<FileStatus>(this.clock, { path, dirty: false });
    this.kernel = new LiveKernel(this.clock, kernelAsked(notebook), dirname(file.path), spare);
    [this.document, this.runner, this.panel] = this.take(notebook);
  }

  /** All but the outputs, which may take a second to make safe: enough to read, and to run. */
  opening(): Patch {
    return this.patch(0, Infinity);
  }

  /** Resolves when no kernel is on its way up, and no cell runs. */
  async quiet(): Promise<void> {
    await this.kernel.started();
    await this.runner.settled();
  }

  /** Whether a version of an epoch is one that `since` can go on from. */
  knows(version: number, epoch: string): boolean {
    return epoch === this.epoch && version > 0 && version <= this.clock.version;
  }

  /** What changed since a version that it knows, outputs since another one; undefined when nothing did. */
  since(version: number, outputsSeen: number): Patch | undefined {
    return Math.min(version, outputsSeen) === this.clock.version ? undefined : this.patch(version, outputsSeen);
  }

  private patch(from: number, outputsFrom: number): Patch {
    const kernel = this.kernel.status.since(from);
    const file = this.status.since(from);
    const parameters = this.panel.controls.since(from);
    return {
      epoch: this.epoch,
      version: this.clock.version,
      whole: from === 0,
      ...this.document.since(from, this.renderer, outputsFrom),
      ...(kernel && { kernel }),
      ...(file && { file }),
      ...(parameters && { parameters }),
    };
  }

  /** The document is no longer what is on the disk; `source` says that a cell's source changed, not its outputs. */
  changed({ source = true } = {}): void {
    this.changes++;
    this.status.set({ ...this.status.get(), dirty: true });
    if (source) this.readParameters();
  }

  /**
   * Saves, unless the file is not the one that was read or saved last: then pages ask what to do. Returns whether it
   * did; what keeps it from it is told to the pages, and it is tried again. Never throws.
   */
  async save(): Promise<boolean> {
    const { changes } = this;
    try {
      this.runner.flush();
      const state = await this.file.write(this.document.save());
      if (state === 'same') this.status.set({ path: this.status.get().path, dirty: this.changes !== changes });
      else this.status.set({ ...this.status.get(), conflict: state });
      return state === 'same';
    } catch (error) {
      this.status.set({ ...this.status.get(), dirty: true, note: reasonOf(error) });
      return false;
    }
  }

  async lookAtFile(): Promise<void> {
    const state = await this.file.look();
    const { conflict: _conflict, ...status } = this.status.get();
    this.status.set(state === 'same' ? status : { ...status, conflict: state });
  }

  /** Ends a conflict: with what is here, with what is on the disk, or with both, what is here under another name. */
  async resolve(choice: 'mine' | 'theirs' | 'copy'): Promise<void> {
    const { path } = this.status.get();
    if (choice === 'mine') {
      await this.file.accept();
      await this.save();
      return;
    }
    const notebook = await this.file.read();
    const note = choice === 'copy' ? `What was here is saved as ${basename(await this.copy())}.` : undefined;
    this.runner.drop();
    this.epoch = randomUUID();
    [this.document, this.runner, this.panel] = this.take(notebook);
    this.readParameters();
    this.status.set({ path, dirty: false, ...(note === undefined ? {} : { note }) });
  }

  /** Saves what is here under another name, beside the file or in another folder; returns that path. */
  copy(folder?: string): Promise<string> {
    this.runner.flush();
    return this.file.writeCopy(this.document.save(), folder);
  }

  /** Gives every parameter the value that the file had when it was opened. */
  resetParameters(): void {
    const moved = this.panel.controls.get().filter((control) => control.default !== undefined);
    for (const { name, cell: id, default: value } of moved) {
      const cell = this.document.cell(id);
      cell.edit(setParameter(cell.source, name, value as ParameterValue));
    }
    if (moved.length > 0) this.changed();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.kernel.get();
  }

  /** Ends the kernel. What it had not been asked to run yet is not run. */
  async stop(atOnce = this.kernel.status.get().state !== 'idle'): Promise<void> {
    this.runner.drop();
    await this.kernel.stop(atOnce);
    await this.runner.settled();
  }

  /** Looks for parameters; sources that cannot be read have none, and say why. */
  private readParameters(): void {
    try {
      this.panel.read(this.document);
    } catch (error) {
      this.status.set({ ...this.status.get(), note: `The parameters cannot be read: ${reasonOf(error)}.` });
    }
  }

  private take(notebook: Notebook): [LiveDocument, CellRunner, ParameterPanel] {
    const document = new LiveDocument(this.clock, notebook);
    const panel = new ParameterPanel(this.clock);
    const runner = new CellRunner(document, this.kernel, machinePathRemover(dirname(this.file.path)), {
      fresh: () => panel.forget(),
      start: (cell, kernel) => noteRun(document.metadata, panel, cell, kernel),
      change: () => this.changed({ source: false }),
    });
    return [document, runner, panel];
  }
}

/** What a notebook says that its kernel is called, which may be anything; the usual one if it says nothing. */
function kernelAsked({ metadata }: Notebook): unknown {
  const spec: unknown = metadata.kernelspec;
  return spec === undefined ? USUAL_KERNEL : (Object(spec) as { name?: unknown }).name;
}

/** What the notebook says of how it was run: by hand now, so that a headless run's record no longer holds. */
function noteRun(metadata: Notebook['metadata'], panel: ParameterPanel, cell: LiveCell, kernel: KernelClient): void {
  const { spec, info } = kernel;
  delete metadata.papermill;
  panel.ran(cell.id);
  metadata.sparsebook = { ...(Object(metadata.sparsebook) as Metadata), parameters: panel.ranWith() };
  metadata.kernelspec ??= { name: spec.name, display_name: spec.display_name, language: spec.language };
  if (info.language_info) metadata.language_info = info.language_info;
}
