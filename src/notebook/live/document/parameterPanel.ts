import type { ParameterControl } from '../protocol.js';
import { affectedCells } from './affectedCells.js';
import type { LiveDocument } from './liveDocument.js';
import { parameterControls } from './parameterControls.js';
import { Slice, type Clock } from './slice.js';

type Values = Map<string, ParameterControl['value']>;

/** The panel of a notebook's parameters: its controls, and what has to run when some of them are moved. */
export class ParameterPanel {
  readonly controls: Slice<ParameterControl[]>;
  /** The values that the kernel has seen. */
  private seen: Values = new Map();
  private readonly hasRun = new Set<string>();

  constructor(clock: Clock) {
    this.controls = new Slice<ParameterControl[]>(clock, []);
  }

  /** Looks at the cells' sources again. */
  read(document: LiveDocument): void {
    this.controls.set(parameterControls(document.list.map(({ cell }) => cell)));
  }

  /** A cell begins to run: the kernel sees the values that it declares. */
  ran(id: string): void {
    this.hasRun.add(id);
    for (const { name, cell, value } of this.controls.get()) if (cell === id) this.seen.set(name, value);
  }

  /** The kernel is gone, and with it what it has seen. */
  forget(): void {
    this.seen.clear();
    this.hasRun.clear();
  }

  /** The plain values that the kernel has seen, for the notebook's record. */
  ranWith(): Record<string, unknown> {
    return Object.fromEntries([...this.seen].filter(([, value]) => value !== undefined));
  }

  /**
   * The ids of the cells to run so that the notebook agrees with its parameters: all of them on a fresh kernel, else the cells
   * that declare a changed value and what depends on it. Without a change, whatever depends on any parameter.
   */
  toRun(document: LiveDocument): string[] {
    const cells = document.list.filter(({ cell }) => cell.cell_type === 'code');
    if (this.seen.size === 0) return cells.map(({ id }) => id);
    const controls = this.controls.get();
    const moved = controls.filter(({ name, value }) => JSON.stringify(value) !== JSON.stringify(this.seen.get(name)));
    const changed = moved.length > 0 ? moved : controls;
    const names = changed.map(({ name }) => name);
    const first = cells.find(({ id }) => changed.some(({ cell }) => cell === id));
    if (!first) return cells.map(({ id }) => id);
    const named = cells.map(({ id, source }) => ({ id, source }));
    return affectedCells(named, first.id, names, (id) => this.hasRun.has(id));
  }
}
