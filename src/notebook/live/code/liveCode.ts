import { isExecuted, type Cell, type Notebook } from '../../run/notebook.js';
import { setParameter } from '../../run/parameters.js';
import type { ParameterValue } from '../../run/syntax.js';
import type { LiveDocument } from '../document/liveDocument.js';
import { ParameterPanel, sourceWhenRun } from '../document/parameters.js';
import { cellsNeededBy, cellsToRun } from './links.js';
import { cellsDependingOn, linksOf, type ReadCells, readCells } from './runPlan.js';
import type { Clock } from '../document/slice.js';
import { Staleness } from './staleness.js';

/** The code of an open notebook: its parameters, what is stale, and what has to run. */
export class LiveCode {
  readonly panel: ParameterPanel;
  private readonly staleness: Staleness;
  private readonly hasRun = (id: string): boolean => this.staleness.hasRun(id);

  /** Takes a document as it was opened, and the cells of its file, whose parameters are the defaults. */
  constructor(
    clock: Clock,
    private readonly document: LiveDocument,
    notebook: Notebook,
    file: Cell[],
  ) {
    this.panel = new ParameterPanel(clock, file);
    this.staleness = new Staleness(this.now(), (id) => sourceWhenRun(document.cell(id).cell, notebook));
  }

  /** Reads the parameters and marks stale cells; throws if sources cannot be read. */
  read(): void {
    this.panel.read(this.document.list.map(({ cell }) => cell));
    this.mark();
  }

  begin(id: string): void {
    this.panel.ran(id);
    const code = this.now();
    this.staleness.begin(code, id);
    this.mark(code);
  }

  /** Notes that a cell has ended, well or not. */
  end(id: string, well: boolean): void {
    this.staleness.end(id, well);
    this.mark();
  }

  /** Forgets what cells have made on the kernel, because it is gone. */
  forgetKernel(): void {
    this.panel.forget();
    this.staleness.forgetKernel();
  }

  /** Gives every parameter its value in the file when it was opened; returns whether any had another value. */
  resetParameters(): boolean {
    const moved = this.panel.controls.get().filter((control) => control.default !== undefined);
    for (const { name, cell: id, default: value } of moved) {
      const cell = this.document.cell(id);
      cell.edit(setParameter(cell.source, name, value as ParameterValue));
    }
    return moved.length > 0;
  }

  /**
   * The ids of the cells to run, in order, so that the document agrees with its sources: the stale cells and what they
   * need. If there are none: all cells on a fresh kernel, or else those that depend on a parameter.
   */
  toRun(): string[] {
    const code = this.now();
    const names = this.panel.controls.get().map(({ name }) => name);
    const first = code.cells.find(({ id }) => this.panel.controls.get().some(({ cell }) => cell === id));
    const usual = first ? [first.id, ...cellsDependingOn(code, first.id, names)] : code.cells.map(({ id }) => id);
    return this.staleness.toRun(code, (id) => this.document.cell(id).isMissing, usual);
  }

  /**
   * The ids of the cells to run, in order, so that a cell is right: the cells above that it needs and that have not run
   * or are stale, and the cell itself.
   */
  neededFor(id: string): string[] {
    const code = this.now();
    const stale = this.staleness.look(code);
    const links = linksOf(code);
    const needed = [...cellsNeededBy(links, id), id];
    const first = needed.filter((one) => one === id || stale.has(one) || !this.hasRun(one));
    return cellsToRun(links, first, this.hasRun).filter((one) => needed.includes(one));
  }

  /** The ids of the cells to run, in order, so that those that depend on a cell are right; not the cell itself. */
  dependingOn(id: string): string[] {
    const code = this.now();
    return cellsToRun(linksOf(code), cellsDependingOn(code, id), this.hasRun).filter((one) => one !== id);
  }

  private now(): ReadCells {
    return readCells(this.document.list.filter(({ cell }) => isExecuted(cell)));
  }

  private mark(code = this.now()): void {
    const stale = this.staleness.look(code);
    for (const cell of this.document.list) cell.markStale(stale.get(cell.id));
  }
}
