import type { CellFailure } from '../../kernel/cellFailure.js';
import type { KernelClient } from '../../kernel/kernelClient.js';
import type { Message } from '../../kernel/wire.js';
import { CellExecution } from '../../run/cellExecution.js';
import { cellTitle } from '../../run/cellTitle.js';
import { hasTag, type CodeCell } from '../../run/index.js';
import type { Displays } from '../../run/outputArea.js';
import type { OutputLimits } from '../../run/outputLimits.js';
import type { LiveCell } from '../document/liveCell.js';
import type { LiveDocument } from '../document/liveDocument.js';
import type { LiveKernel } from './liveKernel.js';

/** What is kept of a cell's outputs: enough to read, little enough for a page and a file. */
export const liveLimits: OutputLimits = { text: 100_000, outputs: 500, representation: 10_000_000 };

const REFRESH_MILLISECONDS = 50;

/** Runs cells one after another and writes what they put out into the document. */
export class CellRunner {
  private waiting: string[] = [];
  private pumping: Promise<void> | undefined;
  private last: KernelClient | undefined;
  private displays: Displays = new Map();
  private executions = new Map<CellExecution, LiveCell>();
  private readonly late = new Set<CellExecution>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly document: LiveDocument,
    private readonly kernel: LiveKernel,
    /** Takes the places of this machine out of a text. */
    private readonly clean: (text: string) => string,
    /** A kernel is used for the first time; a cell begins to run on it; outputs have changed. */
    private readonly on: { fresh(): void; start(cell: LiveCell, kernel: KernelClient): void; change(): void },
  ) {}

  /** Puts cells at the end of the queue; those that wait already keep their place, those without code are passed over. */
  add(cells: LiveCell[]): void {
    for (const cell of cells) {
      if (cell.cell.cell_type !== 'code' || cell.source.trim() === '' || this.waiting.includes(cell.id)) continue;
      if (hasTag(cell.cell, 'skip-execution')) continue;
      this.waiting.push(cell.id);
      cell.mark('queued');
    }
    this.pumping ??= this.pump();
  }

  /** Empties the queue; the cell that runs goes on. */
  drop(): void {
    for (const id of this.waiting.splice(0)) if (this.document.has(id)) this.document.cell(id).mark('idle');
  }

  /** Resolves when no cell runs any more. */
  async settled(): Promise<void> {
    await this.pumping;
  }

  /** Writes into the document what has not been written yet. */
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
    } finally {
      this.pumping = undefined;
      this.kernel.mark(0);
    }
  }

  /** Runs one cell; resolves with whether those behind it should run too. */
  private async run(cell: LiveCell): Promise<boolean> {
    cell.mark('running');
    try {
      this.kernel.mark(this.waiting.length + 1);
      const kernel = await this.kernel.get();
      this.kernel.mark(this.waiting.length + 1);
      this.meet(kernel);
      const cells = this.document.list.map((one) => one.cell);
      const index = cells.indexOf(cell.cell);
      const place = { index, number: index + 1, total: cells.length, title: cellTitle(cells, Math.max(0, index)) };
      const execution = new CellExecution(
        cell.cell as CodeCell,
        place,
        this.displays,
        (message) => this.hear(execution, message),
        liveLimits,
      );
      for (const [old, of] of this.executions) if (of === cell) this.executions.delete(old);
      this.executions.set(execution, cell);
      this.on.start(cell, kernel);
      await execution.run(kernel, {});
      this.kernel.calm();
      const { fault } = execution;
      if (fault?.kind === 'dead') execution.fail(this.endOf(fault.cause));
      cell.mark('idle');
      this.late.add(execution);
      this.flush();
      return !fault || (fault.kind === 'error' && hasTag(cell.cell, 'raises-exception'));
    } catch {
      // The kernel did not start, which its status says.
      return false;
    } finally {
      cell.mark('idle');
    }
  }

  /** A new kernel knows nothing of the displays of the one before. */
  private meet(kernel: KernelClient): void {
    if (kernel === this.last) return;
    this.last = kernel;
    this.displays = new Map();
    this.executions.clear();
    this.on.fresh();
  }

  /** What a cell is told whose kernel went away under it. */
  private endOf(cause: string): CellFailure {
    const died = this.kernel.status.get().state === 'dead';
    const [ename, evalue] = died ? ['KernelDied', cause] : ['Interrupted', 'the kernel was stopped'];
    return { ename, evalue, traceback: [`${ename}: ${evalue}`] };
  }

  private hear(execution: CellExecution, message: Message): void {
    // A display that is updated may stand below any cell.
    const all = message.header.msg_type === 'update_display_data';
    for (const one of all ? this.executions.keys() : [execution]) this.late.add(one);
    this.timer ??= setTimeout(() => this.flush(), REFRESH_MILLISECONDS);
  }

  private write(execution: CellExecution): boolean {
    const cell = this.executions.get(execution);
    if (!cell) return false;
    // What the last run left stays until this one has something to show in its place: no flicker.
    if (!execution.over && !execution.hasOutputs) return false;
    execution.save(this.clean);
    return cell.refresh();
  }
}
