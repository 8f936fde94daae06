import { randomBytes } from 'node:crypto';
import { UserError } from '../../../errors.js';
import { newCell, type Cell, type Notebook } from '../../run/notebook.js';
import type { CellType, Patch } from '../protocol.js';
import { LiveCell, type Renderer } from './liveCell.js';
import { Slice, type Clock } from './slice.js';

/**
 * The most HTML that a page is sent for all outputs together, in characters; neither browsers nor this process can
 * handle more.
 */
const LARGEST_PAGE = 60_000_000;

/** An open notebook: its cells in order, the operations on them, and what changed since a version. */
export class LiveDocument {
  private readonly cells: Map<string, LiveCell>;
  private readonly order: Slice<string[]>;
  private readonly removed: { cell: Cell; index: number }[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly notebook: Notebook,
  ) {
    this.cells = new Map(notebook.cells.map((cell) => [cell.id, new LiveCell(clock, cell)]));
    this.order = new Slice(clock, [...this.cells.keys()]);
  }

  get metadata(): Notebook['metadata'] {
    return this.notebook.metadata;
  }

  get list(): LiveCell[] {
    return this.order.get().map((id) => this.cell(id));
  }

  /** The cell with an id; throws a UserError if it is gone. */
  cell(id: string): LiveCell {
    const cell = this.cells.get(id);
    if (!cell) throw new UserError(`the notebook has no cell '${id}'; another page may have removed it`);
    return cell;
  }

  has(id: string): boolean {
    return this.cells.has(id);
  }

  /** Inserts an empty cell at a position, under an unused id. */
  insert(type: CellType, index: number, id: string = randomBytes(4).toString('hex')): LiveCell {
    if (this.cells.has(id)) throw new UserError(`the notebook has a cell '${id}' already`);
    return this.add(newCell(type, { id, metadata: {}, source: [] }), index);
  }

  /** Takes a cell out; `restore` brings it back. */
  remove(id: string): void {
    const { cell } = this.cell(id);
    const order = this.order.get();
    this.removed.push({ cell, index: order.indexOf(id) });
    this.cells.delete(id);
    this.order.set(order.filter((other) => other !== id));
  }

  /** Brings back the cell that was removed last; undefined if there is none. */
  restore(): LiveCell | undefined {
    const last = this.removed.pop();
    return last && this.add(last.cell, last.index);
  }

  move(id: string, index: number): void {
    this.cell(id);
    const others = this.order.get().filter((other) => other !== id);
    this.order.set([...others.slice(0, index), id, ...others.slice(Math.max(0, index))]);
  }

  save(): Notebook {
    return { ...this.notebook, cells: this.list.map(({ cell }) => cell) };
  }

  /** What changed after `version`, and outputs changed after `outputsSeen`; a cell missing from `order` is gone. */
  since(version: number, renderer: Renderer, outputsSeen = version): Pick<Patch, 'order' | 'cells'> {
    const order = this.order.since(version);
    const { list } = this;
    const space = { left: LARGEST_PAGE - list.reduce((sum, { pageSize }) => sum + pageSize, 0) };
    const patches = list.flatMap((cell) => {
      const patch = cell.since(version, renderer, space, outputsSeen);
      return patch ? [[cell.id, patch] as const] : [];
    });
    return { ...(order && { order }), cells: Object.fromEntries(patches) };
  }

  private add(cell: Cell, index: number): LiveCell {
    const live = new LiveCell(this.clock, cell);
    this.cells.set(cell.id, live);
    const order = this.order.get();
    this.order.set([...order.slice(0, index), cell.id, ...order.slice(Math.max(0, index))]);
    return live;
  }
}
