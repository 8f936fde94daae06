import type { KernelClient } from '../../kernel/client/kernelClient.js';
import type { Message } from '../../kernel/wire.js';
import { CellExecution } from '../../run/cellExecution.js';
import { cellTitle, type CodeCell, hasTag, isExecuted } from '../../run/notebook.js';
import { NotebookOutputs } from '../../run/outputArea.js';
import { liveLimits } from '../../run/outputLimits.js';
import type { LiveCell } from '../document/liveCell.js';
import type { LiveDocument } from '../document/liveDocument.js';
import type { LiveKernel } from './liveKernel.js';

const REFRESH_MILLISECONDS = 50;

/** The events of a runner. */
export interface RunnerEvents {
  start(cell: LiveCell, kernel: KernelClient): void;
  /** A cell has ended, well or not. */
  end(cell: LiveCell, well: boolean): void;
  change(): void;
  /** Something went wrong that is not a cell's fault. */
  fail(error: unknown): void;
}

/** Runs cells one after another and writes their outputs into the document. */
export class CellRunner {
  private waiting: string[] = [];
  private pumping: Promise<void> | undefined;
  private last: KernelClient | undefined;
  private readonly outputs = new NotebookOutputs(liveLimits);
  private readonly executions = new Map<CellExecution, LiveCell>();
  private readonly late = new Set<CellExecution>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly document: LiveDocument,
    private readonly kernel: LiveKernel,
    /** Removes this machine's paths from a text. */
    private readonly clean: (text: string) => string,
    private readonly on: RunnerEvents,
  ) {}

  /** Puts cells at the end of the queue; cells that already wait keep their place, cells without code are skipped. */
  add(cells: LiveCell[]): void {
    for (const cell of cells) {
      if (!isExecuted(cell.cell) || this.waiting.includes(cell.id)) continue;
      this.waiting.push(cell.id);
      cell.mark('queued');
    }
    this.pumping ??= this.pump();
  }

  /** Empties the queue; the running cell continues. */
  drop(): void {
    for (const id of this.waiting.splice(0)) if (this.document.has(id)) this.document.cell(id).mark('idle');
  }

  async settled(): Promise<void> {
    await this.pumping;
  }

  /** Writes outputs that have not been written yet into the document. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    let changed = false;
    for (const execution of this.late) changed = this.write(execution) || changed;
    this.late.clear();
    if (changed) this.on.change();
  }

  private async pump(): Promise<void> {
    try {
      for (let id = this.waiting.shift(); id !== undefined; id = this.waiting.shift()) {
        if (!this.document.has(id)) continue;
        const cell = this.document.cell(id);
        if (!(await this.run(cell))) this.drop();
      }
    } catch (error) {
      this.on.fail(error);
    } finally {
      this.pumping = undefined;
      this.kernel.mark(false);
    }
  }

  /** Runs one cell; resolves with whether the cells after it should run too. */
  private async run(cell: LiveCell): Promise<boolean> {
    cell.mark('running');
    try {
      this.kernel.mark(true);
      const kernel = await this.kernel.get();
      this.kernel.mark(true);
      this.meet(kernel);
      const cells = this.document.list.map((one) => one.cell);
      const index = cells.indexOf(cell.cell);
      const place = { index, number: index + 1, total: cells.length, title: cellTitle(cells, Math.max(0, index)) };
      const hear = (message: Message): void => this.hear(execution, message);
      const execution = new CellExecution(cell.cell as CodeCell, place, this.outputs, hear);
      this.forget((of) => of === cell || !this.document.has(of.id));
      this.executions.set(execution, cell);
      this.on.start(cell, kernel);
      await execution.run(kernel, { interrupt: this.kernel.begin() });
      this.kernel.calm();
      const { fault } = execution;
      cell.mark('idle');
      this.late.add(execution);
      this.flush();
      const well = !fault || (fault.kind === 'error' && hasTag(cell.cell, 'raises-exception'));
      this.on.end(cell, well);
      // The interrupt has already emptied the queue: cells that wait now were requested after it.
      return well || (fault?.kind === 'interrupted' && !execution.died);
    } catch (error) {
      // If the kernel did not start, its status says so.
      if (this.kernel.status.get().state !== 'dead') this.on.fail(error);
      return false;
    } finally {
      cell.mark('idle');
    }
  }

  /** Forgets the previous kernel's displays, which a new kernel does not know. */
  private meet(kernel: KernelClient): void {
    if (kernel === this.last) return;
    this.last = kernel;
    this.outputs.areas.clear();
  }

  /** Gives up executions whose cell is gone, or runs again. */
  private forget(isMeant: (cell: LiveCell) => boolean): void {
    for (const [execution, cell] of this.executions) {
      if (!isMeant(cell)) continue;
      execution.forget();
      this.executions.delete(execution);
      this.late.delete(execution);
    }
  }

  private hear(execution: CellExecution, message: Message): void {
    this.late.add(execution);
    // A display that is updated may be below any cell.
    for (const one of this.executions.keys()) if (one.isUpdatedBy(message)) this.late.add(one);
    this.timer ??= setTimeout(() => {
      try {
        this.flush();
      } catch (error) {
        this.on.fail(error);
      }
    }, REFRESH_MILLISECONDS);
  }

  private write(execution: CellExecution): boolean {
    const cell = this.executions.get(execution);
    if (!cell) return false;
    // The last run's outputs stay until this run has something to show, to avoid flicker.
    if (!execution.over && !execution.hasOutputs) return false;
    execution.save(this.clean);
    return cell.refresh();
  }
}
