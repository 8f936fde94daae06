import { rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError } from '../../errors.js';
import { checkWritable } from '../../platform/writeFile.js';
import { findKernelSpec, type KernelSpec, USUAL_KERNEL } from '../jupyter/kernelSpec.js';
import { KernelClient } from '../kernel/client/kernelClient.js';
import { type AppliedParameters, applyParameters } from './applyParameters.js';
import { CellExecution, type Limits } from './cellExecution.js';
import type { CellFault, CellPlace, RunEvent, RunResult } from './events.js';
import { machinePathRemover } from './machinePaths.js';
import { cellTitle, type CodeCell, hasTag, isExecuted, type Metadata, type Notebook, noteRun } from './notebook.js';
import { notebookFile, readNotebook, requireEnding, resolveNotebook, writeNotebook } from './notebookFile.js';
import { NotebookOutputs } from './outputArea.js';
import type { GivenValue } from './parameters.js';

export interface RunOptions extends Limits {
  /** A path, or the beginning of a name in notebooks/, such as `01`. */
  notebook: string;
  /** The file of the executed notebook; by default, it replaces the notebook. */
  output?: string;
  /** Whether it is written there; default true. The result holds it in either case. */
  save?: boolean;
  /**
   * Leaves `output` as it is until the run is over, and if it is interrupted; meanwhile the notebook is saved beside
   * it.
   */
  keepOutput?: boolean;
  /** Values for the notebook's parameters: as values, or as the texts of `key=value`. */
  parameters?: Record<string, GivenValue>;
  /**
   * The kernel that runs it instead of the one that the notebook names: its name, or a running kernel, which keeps
   * running.
   */
  kernel?: string | KernelClient;
  /** Seconds to wait for the kernel; 60 by default. */
  startTimeout?: number;
  allowErrors?: boolean;
  onEvent?: (event: RunEvent) => void;
}

const secondsSince = (start: number): number => (performance.now() - start) / 1000;

/** Outputs of different runs are never mixed: cells about to run start empty, skipped cells keep their outputs. */
function clearOutputs({ cells }: Notebook): void {
  for (const cell of cells) {
    if (cell.cell_type !== 'code' || hasTag(cell, 'skip-execution')) continue;
    cell.outputs = [];
    cell.execution_count = null;
    delete cell.metadata.execution;
    delete (cell.metadata.sparsebook as Metadata | undefined)?.sourceHash;
  }
}

function kernelSpecFor({ metadata }: Notebook, kernel: string | undefined): KernelSpec {
  try {
    return findKernelSpec(kernel ?? metadata.kernelspec?.name ?? USUAL_KERNEL);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message}; --kernel NAME runs the notebook on another one`);
  }
}

/**
 * Executes a notebook's code cells in order on its kernel and saves it, atomically, after every cell (and every 10 s
 * while a cell keeps printing). A cell that fails ends the run and is described in the result. Throws only if the run
 * cannot start: UserError (no such notebook or parameter, no kernel, no place to write), AbortError (interrupted before
 * the start).
 */
export async function runNotebook(options: RunOptions): Promise<RunResult> {
  const started = performance.now();
  const file = resolveNotebook(options.notebook);
  if (options.output !== undefined) requireEnding(options.output, { ...notebookFile, endings: ['.ipynb'] });
  const save = options.save ?? true;
  const output = resolve(options.output ?? file);
  const unfinished = options.keepOutput ? output.replace(/(\.ipynb)?$/, '.unfinished.ipynb') : output;
  const notebook = await readNotebook(file);
  const parameters = applyParameters(notebook, options.parameters ?? {});
  const lent = options.kernel instanceof KernelClient ? options.kernel : undefined;
  const spec = lent?.spec ?? kernelSpecFor(notebook, options.kernel as string | undefined);
  if (options.kernel !== undefined) delete notebook.metadata.kernelspec;
  if (save) await checkWritable(output, notebookFile);
  const places = placesOf(notebook);
  const emit = options.onEvent ?? ((): void => undefined);
  emit({ type: 'start', file, output, total: places.length });

  const cwd = dirname(file);
  const { startTimeout, interrupt: signal } = options;
  const kernel = lent ?? (await KernelClient.start({ spec, cwd, startTimeout, signal }));
  emit({ type: 'kernelReady', kernel: spec.display_name, seconds: secondsSince(started) });

  const saver = new NotebookSaver(save ? unfinished : undefined, notebook, machinePathRemover(cwd));
  const outputs = new NotebookOutputs();
  const tolerated = new Set<CellFault>();
  let fatal: CellFault | undefined;
  let executed = 0;
  /** Classifies the failures so far; something that an earlier cell left running can fail late. */
  const settle = (): void => {
    for (const { fault, cell } of saver.executions) {
      const allowed = options.allowErrors === true || hasTag(cell, 'raises-exception');
      if (fault?.kind === 'error' && allowed) tolerated.add(fault);
      else fatal ??= fault;
    }
  };

  let endRecord: ReturnType<typeof recordRun>;
  try {
    clearOutputs(notebook);
    endRecord = recordRun(notebook, parameters, kernel);
    await saver.save();
    for (const place of places) {
      const { number, title } = place;
      const cause = 'it was interrupted before it began';
      if (signal?.aborted) fatal ??= { kind: 'interrupted', cell: number, title, cause, traceback: [] };
      if (fatal) break;
      const cellStarted = performance.now();
      emit({ type: 'cellStart', place });
      const cell = notebook.cells[place.index] as CodeCell;
      const execution = new CellExecution(cell, place, outputs, (message) => {
        emit({ type: 'message', place, message });
        saver.saveSometimes();
      });
      saver.executions.push(execution);
      await execution.run(kernel, options);
      await saver.save();
      executed++;
      emit({ type: 'cellEnd', place, seconds: secondsSince(cellStarted), fault: execution.fault });
      settle();
    }
  } finally {
    // After an interrupt, a training loop may still have to save its checkpoint; after a failure, there is nothing to
    // wait for.
    if (!lent) await (fatal && fatal.kind !== 'interrupted' ? kernel.kill() : kernel.shutdown());
  }
  settle();
  endRecord(fatal !== undefined);
  await saver.save();
  const over = fatal?.kind !== 'interrupted';
  if (save && unfinished !== output && over) {
    await writeNotebook(output, notebook);
    await rm(unfinished);
  }
  const seconds = secondsSince(started);
  const place = over ? output : unfinished;
  const faults = { fault: fatal, tolerated: [...tolerated] };
  const result = { ok: !fatal, output: place, notebook, executed, seconds, ...faults };
  emit({ type: 'end', result });
  return result;
}

/**
 * Records in a notebook's metadata what runs it, and papermill's record for tools that know it; returns a function to
 * call when the run is over.
 */
function recordRun(
  notebook: Notebook,
  { given, defaults }: AppliedParameters,
  kernel: KernelClient,
): (failed: boolean) => void {
  const start = new Date();
  // The values that the cells saw, for readers of the notebook.
  noteRun(notebook, { ...defaults, ...given }, kernel);
  const papermill: Metadata = { default_parameters: defaults, parameters: given, start_time: start.toISOString() };
  notebook.metadata.papermill = papermill;
  return (failed) => {
    const end = new Date();
    papermill.end_time = end.toISOString();
    papermill.duration = (end.getTime() - start.getTime()) / 1000;
    papermill.exception = failed;
  };
}

/** The cells that a run executes. */
export function placesOf({ cells }: Notebook): CellPlace[] {
  const indices = cells.flatMap((cell, index) => (isExecuted(cell) ? [index] : []));
  return indices.map((index, i) => ({ index, number: i + 1, total: indices.length, title: cellTitle(cells, index) }));
}

const SOMETIMES_MILLISECONDS = 10_000;

/** Saves a notebook while its cells run; saves wait for one another, so an older state never overwrites a newer one. */
class NotebookSaver {
  readonly executions: CellExecution[] = [];
  private last = Promise.resolve();
  private savedAt = 0;

  constructor(
    private readonly output: string | undefined,
    private readonly notebook: Notebook,
    private readonly clean: (text: string) => string,
  ) {}

  save(): Promise<void> {
    this.savedAt = performance.now();
    for (const execution of this.executions) execution.save(this.clean);
    const { output, notebook } = this;
    if (output === undefined) return this.last;
    this.last = this.last.then(() => writeNotebook(output, notebook));
    // A failure rejects this or a later save; it must not count as unhandled in between.
    this.last.catch(() => undefined);
    return this.last;
  }

  /** Saves if the last time was more than 10 s ago: a cell that trains for hours should not lose all its output. */
  saveSometimes(): void {
    if (performance.now() - this.savedAt > SOMETIMES_MILLISECONDS) void this.save();
  }
}
