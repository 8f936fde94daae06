import type { Patch } from '../protocol.js';
import { type CellHost, CellView } from './cellView.js';
import { pageName } from './connection.js';
import { element } from './elements.js';

/** The notebook's cells on the page, and which of them is selected. */
export class NotebookView {
  private readonly cells = new Map<string, CellView>();
  private order: string[] = [];
  private current = '';

  /** The notebook's path in the folder. */
  path = '';

  constructor(
    private readonly root: HTMLElement,
    private readonly host: CellHost,
  ) {}

  get selected(): CellView | undefined {
    return this.cells.get(this.current);
  }

  get index(): number {
    return this.order.indexOf(this.current);
  }

  get length(): number {
    return this.order.length;
  }

  has(id: string): boolean {
    return this.cells.has(id);
  }

  get list(): CellView[] {
    return this.order.map((id) => this.cells.get(id)!);
  }

  patch({ order, cells, whole }: Patch): void {
    if (whole) this.root.querySelector('.loading')?.remove();
    for (const [id, patch] of Object.entries(cells)) {
      const known = this.cells.get(id);
      const cell = known ?? new CellView(id, this.host);
      if (!known) this.cells.set(id, cell);
      cell.patch(patch, known !== undefined && !whole && patch.text?.by === pageName);
    }
    if (order) this.arrange(order);
    this.number();
    for (const [index, place] of this.root.querySelectorAll('.figure-number').entries()) {
      const number = `Figure ${index + 1}`;
      if (place.textContent !== number) place.textContent = number;
    }
  }

  /** Selects a cell; with `focus` the whole cell takes the focus. */
  select(id: string | undefined, focus = false): void {
    const cell = id === undefined ? undefined : this.cells.get(id);
    if (!cell) return;
    this.current = cell.id;
    this.number();
    if (focus) cell.focus();
  }

  /** The id of the cell `step` places from the selected one; undefined beyond the ends. */
  beside(step: number): string | undefined {
    return this.order[this.index + step];
  }

  /** Shows or hides the curves of the previous run. */
  showBefore(shown: boolean): void {
    for (const { outputs } of this.list) outputs.setBefore(shown);
  }

  private arrange(order: string[]): void {
    const focused = this.root.contains(document.activeElement) && (document.activeElement as HTMLElement);
    const was = this.index;
    for (const [id, cell] of this.cells) {
      if (order.includes(id)) continue;
      cell.root.remove();
      this.cells.delete(id);
    }
    // A cell that is already in the right place is not moved, so that its plots and scroll position stay.
    let after: Element | null = null;
    for (const id of order) {
      const { root } = this.cells.get(id)!;
      const due: Element | null = after ? after.nextElementSibling : this.root.firstElementChild;
      if (due !== root) this.root.insertBefore(root, due);
      after = root;
    }
    this.order = order;
    // Moving an element takes its focus away.
    if (focused && focused.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
    if (!this.cells.has(this.current)) {
      const next = order.at(Math.min(Math.max(0, was), order.length - 1));
      this.select(next, focused !== false);
    }
    const empty = this.root.querySelector('.none');
    if (order.length > 0) empty?.remove();
    else if (!empty) this.root.append(element('p', { class: 'none' }, 'No cells: press b to insert one.'));
  }

  private number(): void {
    this.list.forEach((cell, index) => cell.number(index, this.order.length, cell.id === this.current));
  }
}
