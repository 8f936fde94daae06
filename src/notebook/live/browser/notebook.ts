import { Figures } from '../../report/browser/figures.js';
import { applyStoredTheme, prepareTheme } from '../../report/browser/theme.js';
import type { Patch } from '../protocol.js';
import { actionsOf, send } from './actions.js';
import type { CellView } from './cellView.js';
import { CommandError, Connection, Edits, type Link } from './connection.js';
import { byId, loadPlotly, Notices } from './elements.js';
import { drawWith } from './figurePlace.js';
import { KeyReader, type Action, type Mode } from '../keys.js';
import { NotebookView } from './notebookView.js';
import { OutlineView } from './outlineView.js';
import { ParametersView } from './parametersView.js';
import { PinnedView } from './pinnedView.js';
import { RunningView } from './runningView.js';
import { SearchView } from './searchView.js';
import { showFile, showKernel } from './status.js';
import { VariablesView } from './variablesView.js';

// Before the page is painted, so that it does not flash in the other theme.
applyStoredTheme();
// The token is no longer needed, and should not show in the address, the history, or a screenshot.
history.replaceState(null, '', location.pathname);

const links: Record<Exclude<Link, 'failed'>, string | undefined> = {
  connected: undefined,
  lost: 'The connection to the server is lost. What you type stays here and is sent when it is back; what was saved is safe.',
  refused:
    'The server does not let this page in: it was started anew. Open the address that it printed in the terminal.',
};

type Actions = ReturnType<typeof actionsOf>;

function start(): void {
  drawWith(new Figures(loadPlotly));
  const notices = new Notices(byId('notices'));
  const fail = (error: unknown): void => {
    if (!(error instanceof CommandError)) throw error;
    notices.say('command', error.lost ? `Not done: ${error.message}` : error.message, [], true);
  };
  const connection = new Connection(location.pathname.replace('/notebooks/', ''), {
    patch: (patch) => take(patch),
    link(link, why) {
      notices.say('link', link === 'failed' ? why : links[link]);
      document.documentElement.dataset.link = link;
      if (link === 'connected') void edits.flush();
    },
  });
  const edits = new Edits(connection);
  const view = new NotebookView(byId('cells'), {
    ask: (command) => connection.ask(command),
    edit: (id, source) => edits.note(id, source),
    isAhead: (id) => edits.has(id),
    entered: (id) => {
      if (view.selected?.id !== id) view.selected?.leave();
      view.select(id);
    },
    act(id, action) {
      view.select(id, true);
      actions[action]();
    },
    pin: (id, nth) => pinned.toggle(id, nth),
  });
  const cells = (): CellView[] => view.list;
  const pinned = new PinnedView(byId('pinned'), cells);
  const running = new RunningView(byId<HTMLButtonElement>('running'), byId('cells'), (id) => pinned.shows(id));
  const search = new SearchView(byId('search'), cells, (cell = view.selected) => view.select(cell?.id, true));
  const parts = { view, connection, edits, pinned, running, search, fail };
  const actions = actionsOf(parts);
  const parameters = new ParametersView(byId('panel'), {
    set: (name, value) => send(parts, { do: 'set', name, value }),
    run: actions.runChanged,
    reset: () => send(parts, { do: 'resetParameters' }),
    showBefore(shown) {
      view.showBefore(shown);
      pinned.refresh(new Set(view.list.map(({ id }) => id)));
    },
  });
  const variables = new VariablesView(byId('panel'));
  const outline = new OutlineView(byId('outline'));
  const take = (patch: Patch): void => {
    view.patch(patch);
    pinned.refresh(new Set(Object.keys(patch.cells)));
    running.show(view.list);
    outline.show(view.list);
    if (patch.parameters) parameters.show(patch.parameters);
    if (patch.variables) variables.show(patch.variables);
    if (patch.tensors !== undefined) variables.showTensors(patch.tensors);
    if (patch.kernel) showKernel(patch.kernel, notices, actions.restart);
    if (patch.file) view.path = patch.file.path;
    if (patch.file) showFile(patch.file, notices, (version) => send(parts, { do: 'resolve', with: version }));
    if (!view.selected && patch.order) view.select(patch.order[0]);
  };
  prepareTheme();
  measure('--bar', document.querySelector('.bar')!);
  measure('--pin', byId('pinned'));
  prepareTools(actions);
  prepareKeys(view, actions);
}

/** Tells the style sheets the height of a part that stays in view, so that nothing scrolled to lies under it. */
function measure(name: string, part: Element): void {
  const tell = (): void => document.documentElement.style.setProperty(name, `${part.getBoundingClientRect().height}px`);
  new ResizeObserver(tell).observe(part);
}

function prepareTools(actions: Actions): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-action]')) {
    button.addEventListener('click', () => {
      button.closest<HTMLElement>('[popover]')?.hidePopover();
      actions[button.dataset.action as Action]();
    });
  }
  const more = byId('more');
  more.addEventListener('click', () => {
    more.setAttribute('aria-expanded', String(more.getAttribute('aria-expanded') !== 'true'));
  });
}

/** Gives keys the meaning they have in Jupyter, except where a field of the page needs them itself. */
function prepareKeys(view: NotebookView, actions: Actions): void {
  const reader = new KeyReader();
  const onKey = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    const inEditor = target.closest('.cm-editor') !== null;
    if (!inEditor && target.closest('input, select, textarea, dialog[open], summary')) {
      // Ctrl+F in the search box is the browser's own.
      if (!(
        (event.ctrlKey || event.metaKey) &&
        (event.key === 's' || (event.key === 'f' && !target.closest('#search')))
      ))
        return;
    }
    if (event.key === 'Enter' && !event.shiftKey && !event.ctrlKey && target.closest('button, a')) return;
    // An open list of completions takes Escape first.
    if (inEditor && target.closest('.cm-editor')!.querySelector('.cm-tooltip-autocomplete') && event.key === 'Escape')
      return;
    const mode: Mode = inEditor ? 'edit' : 'command';
    const action = reader.read(event, mode, event.timeStamp);
    if (action === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (action !== 'wait') actions[action]();
  };
  // Before the editor sees them: Ctrl+Enter would otherwise insert a line.
  addEventListener('keydown', onKey, { capture: true });
  byId('cells').addEventListener('focus', () => view.selected?.focus());
}

document.addEventListener('DOMContentLoaded', start);
