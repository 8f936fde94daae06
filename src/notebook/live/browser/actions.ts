import type { CellType, Command } from '../protocol.js';
import type { Connection, Edits } from './connection.js';
import { type Action, shortcuts } from '../keys.js';
import type { CellView } from './cellView.js';
import type { NotebookView } from './notebookView.js';
import type { PinnedView } from './pinnedView.js';
import type { RunningView } from './runningView.js';
import type { SearchView } from './searchView.js';
import { downloadNotebook, downloadReport, duplicate, makeNew, rename } from './files.js';
import { byId, element } from './elements.js';

/** The parts of a notebook's page. */
export interface PageParts {
  view: NotebookView;
  connection: Connection;
  edits: Edits;
  pinned: PinnedView;
  running: RunningView;
  search: SearchView;
  fail: (error: unknown) => void;
}

/** Sends pending edits and then a command. */
export function send(
  { edits, connection, fail }: Pick<PageParts, 'edits' | 'connection' | 'fail'>,
  command: Command,
): void {
  void edits.flush();
  connection.send(command).catch(fail);
}

/** Returns the function for each action of keys and buttons. */
export function actionsOf(parts: PageParts): Record<Action, () => void> {
  const { view, connection, edits, pinned, running, search, fail } = parts;
  const order = (command: Command): void => send(parts, command);
  /** For commands that run more than one cell: the page follows them. */
  const runMany = (command: Command): void => {
    order(command);
    running.follow();
  };
  /** For actions on the file: pending edits are sent first. */
  const onFile = (act: (path: string) => Promise<void>) => (): void => {
    void edits.flush().then(() => act(view.path).catch(fail));
  };
  const run = (): void => {
    const cell = view.selected;
    cell?.leave();
    if (cell?.type === 'code') order({ do: 'run', ids: [cell.id] });
    else void edits.flush();
  };
  const insert = (index: number, edit = false): void => {
    const id = crypto.randomUUID().slice(0, 8);
    order({ do: 'insert', type: 'code', index, id });
    whenThere(
      () => view.has(id),
      () => {
        view.select(id, true);
        if (edit) view.selected?.edit();
      },
    );
  };
  const move = (step: number): void => {
    const { selected, index } = view;
    if (!selected || index + step < 0 || index + step >= view.length) return;
    order({ do: 'move', id: selected.id, index: index + step });
    whenThere(
      () => view.index === index + step,
      () => view.selected === selected && selected.focus(),
    );
  };
  /** For an action on the selected cell. */
  const onCell = (act: (cell: CellView) => unknown) => (): void => {
    if (view.selected) act(view.selected);
  };
  const onCode = (act: (cell: CellView) => unknown) => onCell((cell) => cell.type === 'code' && act(cell));
  const become = (type: CellType) => onCell(({ id }) => order({ do: 'type', id, type }));
  return {
    runAndAdvance() {
      run();
      if (view.index === view.length - 1) insert(view.length, true);
      else view.select(view.beside(1), true);
    },
    run() {
      run();
      view.selected?.focus();
    },
    runAndInsert() {
      run();
      insert(view.index + 1, true);
    },
    runFrom: onCell(({ id }) => runMany({ do: 'runFrom', id })),
    runNeeds: onCode(({ id }) => runMany({ do: 'runNeeds', id })),
    runDependents: onCode(({ id }) => runMany({ do: 'runDependents', id })),
    runAll: () => runMany({ do: 'runAll' }),
    runChanged() {
      pinned.expect();
      runMany({ do: 'runChanged' });
    },
    pin: onCell(({ id, outputs }) => outputs.figures.length > 0 && pinned.toggle(id, 0)),
    search: () => search.open(),
    interrupt: () => order({ do: 'interrupt' }),
    restart: () => order({ do: 'restart' }),
    stop: () => order({ do: 'stop' }),
    save: () => order({ do: 'save' }),
    discardDraft() {
      if (confirm('Go back to what the notebook’s file holds? What is not saved is lost.'))
        order({ do: 'discardDraft' });
    },
    makeNew: onFile(makeNew),
    duplicate: onFile(duplicate),
    // Otherwise the page would reconnect under the old name.
    rename: onFile((path) => rename(path, (move) => connection.hungUp(move))),
    download: onFile(downloadNotebook),
    report: onFile(downloadReport),
    restore: () => order({ do: 'restore' }),
    showKeys,
    edit: onCell((cell) => cell.edit()),
    leave: onCell((cell) => {
      cell.leave();
      cell.focus();
    }),
    selectAbove: () => view.select(view.beside(-1), true),
    selectBelow: () => view.select(view.beside(1), true),
    insertAbove: () => insert(Math.max(0, view.index)),
    insertBelow: () => insert(view.index + 1),
    remove: onCell(({ id }) => {
      edits.forget(id);
      order({ do: 'remove', id });
    }),
    moveUp: () => move(-1),
    moveDown: () => move(1),
    toMarkdown: become('markdown'),
    toCode: become('code'),
    toRaw: become('raw'),
  };
}

/** Acts once `is` holds, after the server's patch has arrived; gives up after 3 s. */
function whenThere(is: () => boolean, act: () => unknown, tries = 60): void {
  if (is()) act();
  else if (tries > 0) setTimeout(() => whenThere(is, act, tries - 1), 50);
}

function showKeys(): void {
  const dialog = byId<HTMLDialogElement>('keys');
  const row = (caps: string[], meaning: string): HTMLElement => {
    const keys = caps.map((cap) => element('kbd', {}, cap));
    return element('tr', {}, element('td', {}, ...keys), element('td', {}, meaning));
  };
  const rows = (mode?: string): HTMLElement[] =>
    shortcuts
      .filter((shortcut) => shortcut.mode === mode)
      .map(({ keys, meaning }) => {
        const caps = keys.split(/([+ ])/).filter((part) => part.trim() && part !== '+');
        return row(caps, meaning);
      });
  const editorKeys = [
    row(['Tab'], 'complete a name; indent at the beginning of a line'),
    row(['Shift+Tab'], 'say what a name is'),
    row(['F8'], 'go to the next error'),
  ];
  const table = (title: string, ...of: HTMLElement[]): HTMLElement =>
    element('table', {}, element('caption', {}, title), element('tbody', {}, ...of));
  dialog.replaceChildren(
    element('h2', { id: 'keys-title' }, 'Keys'),
    table('Everywhere', ...rows()),
    table('On a cell', ...rows('command')),
    table('In an editor', ...rows('edit'), ...editorKeys),
    element('form', { method: 'dialog' }, element('button', {}, 'Close')),
  );
  if (!dialog.open) dialog.showModal();
}
