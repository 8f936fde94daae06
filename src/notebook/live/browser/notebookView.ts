import type { FileStatus, KernelStatus, Patch } from '../protocol.js';
import { type CellHost, CellView } from './cellView.js';
import { pageName } from './connection.js';
import { byId, element, type Notices } from './elements.js';

/** The cells of the notebook on the page, and which of them is selected. */
export class NotebookView {
  private readonly cells = new Map<string, CellView>();
  private order: string[] = [];
  private current = '';

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
  }

  /** Selects a cell; with `focus` it takes the focus as a whole. */
  select(id: string | undefined, focus = false): void {
    const cell = id === undefined ? undefined : this.cells.get(id);
    if (!cell) return;
    this.current = cell.id;
    this.number();
    if (focus) cell.focus();
  }

  /** The id of the cell so many places from the selected one, undefined beyond the ends. */
  beside(step: number): string | undefined {
    return this.order[this.index + step];
  }

  private arrange(order: string[]): void {
    const focused = this.root.contains(document.activeElement);
    const was = this.index;
    for (const [id, cell] of this.cells) {
      if (order.includes(id)) continue;
      cell.root.remove();
      this.cells.delete(id);
    }
    // What stands right is left alone: moving an element takes its focus away.
    let after: Element | null = null;
    for (const id of order) {
      const { root } = this.cells.get(id)!;
      const due: Element | null = after ? after.nextElementSibling : this.root.firstElementChild;
      if (due !== root) this.root.insertBefore(root, due);
      after = root;
    }
    this.order = order;
    if (!this.cells.has(this.current)) {
      const next = order.at(Math.min(Math.max(0, was), order.length - 1));
      this.select(next, focused);
    }
    const empty = this.root.querySelector('.none');
    if (order.length > 0) empty?.remove();
    else if (!empty) this.root.append(element('p', { class: 'none' }, 'No cells: press b to insert one.'));
  }

  private number(): void {
    this.order.forEach((id, index) => this.cells.get(id)!.number(index, this.order.length, id === this.current));
  }
}

const words: Record<KernelStatus['state'], string> = {
  off: 'no kernel',
  starting: 'kernel starts …',
  idle: 'idle',
  busy: 'running',
  interrupting: 'interrupting …',
  dead: 'kernel died',
};

type Version = 'mine' | 'theirs' | 'copy';

/** Shows how the kernel is: in the bar, and as a notice where a person should act. */
export function showKernel({ state, name, note, left }: KernelStatus, notices: Notices, restart: () => void): void {
  const place = byId('kernel');
  const more = left !== undefined && left > 1 ? `, ${left - 1} more wait${left === 2 ? 's' : ''}` : '';
  place.textContent = `${words[state]}${more}`;
  place.title = name;
  place.dataset.state = state;
  document.documentElement.dataset.kernel = state;
  const label = state === 'dead' ? 'Start it again' : 'Restart the kernel';
  notices.say('kernel', note, [{ label, act: restart }]);
}

/** Shows how the file is: in the bar, in the tab's title, and as notices where a person should act. */
export function showFile(
  { path, dirty, conflict, note }: FileStatus,
  notices: Notices,
  resolve: (choice: Version) => void,
): void {
  const saved = byId('saved');
  saved.textContent = conflict ? 'conflict' : dirty ? 'not saved' : 'saved';
  saved.dataset.state = saved.textContent;
  document.title = `${dirty ? '• ' : ''}${path}`;
  const choice = (label: string, version: Version) => ({ label, act: () => resolve(version) });
  const keep = choice('Keep this page’s version', 'mine');
  const changed = 'Another program has changed the file on disk. Nothing is saved until you choose.';
  const gone = 'The file is no longer on disk. Nothing is saved until you choose.';
  const load = [choice('Load the file', 'theirs'), choice('Load the file, save this version beside it', 'copy')];
  if (conflict === 'changed') notices.say('conflict', changed, [keep, ...load]);
  else if (conflict === 'gone') notices.say('conflict', gone, [choice('Save it there again', 'mine')]);
  else notices.say('conflict', undefined);
  notices.say('file', note, [], true);
}
