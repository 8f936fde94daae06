import type { CellExecution } from './cellExecution.js';
import type { Notebook } from './notebook.js';
import { writeNotebook } from './notebookFile.js';

const SOMETIMES_MILLISECONDS = 10_000;

/** Saves a notebook while its cells run; saves wait for one another, so an older state never overwrites a newer one. */
export class NotebookSaver {
  /** The executions whose outputs belong into the notebook. */
  readonly executions: CellExecution[] = [];
  private last = Promise.resolve();
  private savedAt = 0;

  constructor(
    /** The file; undefined where nothing is to be written. */
    private readonly output: string | undefined,
    private readonly notebook: Notebook,
    private readonly clean: (text: string) => string,
  ) {}

  /** Saves what is known now. */
  save(): Promise<void> {
    this.savedAt = performance.now();
    for (const execution of this.executions) execution.save(this.clean);
    const { output, notebook } = this;
    if (output === undefined) return this.last;
    this.last = this.last.then(() => writeNotebook(output, notebook));
    // Whoever awaits this or a later save is told of a failure; it must not count as unhandled in between.
    this.last.catch(() => undefined);
    return this.last;
  }

  /** Saves if that was more than 10 s ago: a cell that trains for hours should not lose all that it said. */
  saveSometimes(): void {
    if (performance.now() - this.savedAt > SOMETIMES_MILLISECONDS) void this.save();
  }
}
