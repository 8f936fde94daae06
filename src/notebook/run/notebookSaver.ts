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
    private readonly output: string,
    private readonly notebook: Notebook,
    private readonly clean: (text: string) => string,
  ) {}

  /** Saves what is known now. */
  save(): Promise<void> {
    this.savedAt = performance.now();
    for (const execution of this.executions) execution.save(this.clean);
    this.last = this.last.then(() => writeNotebook(this.output, this.notebook));
    // Whoever awaits this or a later save is told of a failure; it must not count as unhandled in between.
    this.last.catch(() => undefined);
    return this.last;
  }

  /** Saves if that was more than 10 s ago: a cell that trains for hours should not lose all that it said. */
  saveSometimes(): void {
    if (performance.now() - this.savedAt > SOMETIMES_MILLISECONDS) void this.save();
  }
}
