import type { CellType, Command } from '../protocol.js';
import type { Connection, Edits } from './connection.js';
import { type Action, shortcuts } from '../keys.js';
import type { NotebookView } from './notebookView.js';
import { byId, element } from './elements.js';

/** What actions work with. */
export interface Workbench {
  view: NotebookView;
  connection: Connection;
  edits: Edits;
  /** Says what went wrong. */
  fail(error: unknown): void;
  showKeys(): void;
}

/** Does what a key or a button stands for. */
export class Actions {
  constructor(private readonly bench: Workbench) {}

  do(action: Action): void {
    const { view } = this.bench;
    const cell = view.selected;
    switch (action) {
      case 'runAndAdvance':
        this.run();
        return this.advance();
      case 'run':
        this.run();
        return cell?.focus();
      case 'runAndInsert':
        this.run();
        return this.insert(view.index + 1, true);
      case 'runFrom':
        return cell && this.send({ do: 'runFrom', id: cell.id });
      case 'runAll':
      case 'runChanged':
      case 'interrupt':
      case 'stop':
      case 'save':
      case 'restore':
        return this.send({ do: action });
      case 'restart':
        return this.send({ do: 'restart' });
      case 'showKeys':
        return this.bench.showKeys();
      case 'edit':
        return cell?.edit();
      case 'leave':
        cell?.leave();
        return cell?.focus();
      case 'selectAbove':
        return view.select(view.beside(-1), true);
      case 'selectBelow':
        return view.select(view.beside(1), true);
      case 'insertAbove':
        return this.insert(Math.max(0, view.index));
      case 'insertBelow':
        return this.insert(view.index + 1);
      case 'remove':
        if (cell) this.bench.edits.forget(cell.id);
        return cell && this.send({ do: 'remove', id: cell.id });
      case 'moveUp':
        return this.move(-1);
      case 'moveDown':
        return this.move(1);
      case 'toMarkdown':
        return this.become('markdown');
      case 'toCode':
        return this.become('code');
      case 'toRaw':
        return this.become('raw');
      case 'clear':
        return cell && this.send({ do: 'clear', ids: [cell.id] });
    }
  }

  /** Sends what has been typed, and then a command. */
  send(command: Command): void {
    void this.bench.edits.flush();
    this.bench.connection.send(command).catch((error: unknown) => this.bench.fail(error));
  }

  private run(): void {
    const cell = this.bench.view.selected;
    cell?.leave();
    if (cell?.type === 'code') this.send({ do: 'run', ids: [cell.id] });
    else void this.bench.edits.flush();
  }

  private advance(): void {
    const { view } = this.bench;
    if (view.index === view.length - 1) this.insert(view.length, true);
    else view.select(view.beside(1), true);
  }

  private insert(index: number, edit = false): void {
    const { view } = this.bench;
    const id = crypto.randomUUID().slice(0, 8);
    this.send({ do: 'insert', type: 'code', index, id });
    whenThere(
      () => view.has(id),
      () => {
        view.select(id, true);
        if (edit) view.selected?.edit();
      },
    );
  }

  private move(step: number): void {
    const { view } = this.bench;
    const { selected, index } = view;
    if (!selected || index + step < 0 || index + step >= view.length) return;
    this.send({ do: 'move', id: selected.id, index: index + step });
    setTimeout(() => selected.focus(), 150);
  }

  private become(type: CellType): void {
    const cell = this.bench.view.selected;
    if (cell) this.send({ do: 'type', id: cell.id, type });
  }
}

/** Acts once the server has answered by a patch; gives up after 3 s. */
function whenThere(is: () => boolean, act: () => void, tries = 60): void {
  if (is()) act();
  else if (tries > 0) setTimeout(() => whenThere(is, act, tries - 1), 50);
}

/** Shows the keyboard shortcuts. */
export function showKeys(): void {
  const dialog = byId<HTMLDialogElement>('keys');
  const rows = (mode?: string): HTMLElement[] =>
    shortcuts
      .filter((shortcut) => shortcut.mode === mode)
      .map(({ keys, meaning }) => {
        const caps = keys.split(/([+ ])/).filter((part) => part.trim() && part !== '+');
        return element(
          'tr',
          {},
          element('td', {}, ...caps.map((cap) => element('kbd', {}, cap))),
          element('td', {}, meaning),
        );
      });
  const table = (title: string, ...of: HTMLElement[]): HTMLElement =>
    element('table', {}, element('caption', {}, title), element('tbody', {}, ...of));
  dialog.replaceChildren(
    element('h2', { id: 'keys-title' }, 'Keys'),
    table('Everywhere', ...rows()),
    table('On a cell', ...rows('command')),
    table('In an editor', ...rows('edit'), ...editorKeys()),
    element('form', { method: 'dialog' }, element('button', {}, 'Close')),
  );
  if (!dialog.open) dialog.showModal();
}

function editorKeys(): HTMLElement[] {
  const row = (key: string, meaning: string): HTMLElement =>
    element('tr', {}, element('td', {}, element('kbd', {}, key)), element('td', {}, meaning));
  return [row('Tab', 'complete a name; indent at the beginning of a line'), row('Shift+Tab', 'say what a name is')];
}
