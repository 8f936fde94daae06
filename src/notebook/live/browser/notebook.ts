import { applyStoredTheme, prepareTheme } from '../../report/browser/theme.js';
import type { Patch } from '../protocol.js';
import { actionsOf, send } from './actions.js';
import { CommandError, Connection, Edits, type Link } from './connection.js';
import { byId, Notices } from './elements.js';
import { KeyReader, type Action, type Mode } from '../keys.js';
import { NotebookView, showFile, showKernel } from './notebookView.js';
import { ParametersView } from './parametersView.js';

// Before the page is painted, so that it does not flash in the other theme.
applyStoredTheme();
// The token has done its work, and need not stand in the address, the history, or a screenshot.
history.replaceState(null, '', location.pathname);

const links: Record<Exclude<Link, 'failed'>, string | undefined> = {
  connected: undefined,
  lost: 'The connection to the server is lost. What you type stays here and is sent when it is back; what was saved is safe.',
  refused:
    'The server does not let this page in: it was started anew. Open the address that it printed in the terminal.',
};

type Actions = ReturnType<typeof actionsOf>;

function start(): void {
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
  });
  const bench = { view, connection, edits, fail };
  const actions = actionsOf(bench);
  const parameters = new ParametersView(byId('panel'), {
    set: (name, value) => send(bench, { do: 'set', name, value }),
    run: actions.runChanged,
  });
  const take = (patch: Patch): void => {
    view.patch(patch);
    if (patch.parameters) parameters.show(patch.parameters);
    if (patch.kernel) showKernel(patch.kernel, notices, actions.restart);
    if (patch.file) showFile(patch.file, notices, (version) => send(bench, { do: 'resolve', with: version }));
    if (!view.selected && patch.order) view.select(patch.order[0]);
  };
  prepareTheme();
  prepareTools(actions);
  prepareKeys(view, actions);
}

function prepareTools(actions: Actions): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-action]')) {
    button.addEventListener('click', () => actions[button.dataset.action as Action]());
  }
  const more = byId('more');
  more.addEventListener('click', () => {
    more.setAttribute('aria-expanded', String(more.getAttribute('aria-expanded') !== 'true'));
  });
}

/** Keys mean what they mean in Jupyter wherever no field of the page wants them for itself. */
function prepareKeys(view: NotebookView, actions: Actions): void {
  const reader = new KeyReader();
  const onKey = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    const inEditor = target.closest('.cm-editor') !== null;
    if (!inEditor && target.closest('input, select, textarea, dialog[open], summary')) {
      if (!((event.ctrlKey || event.metaKey) && event.key === 's')) return;
    }
    if (event.key === 'Enter' && !event.shiftKey && !event.ctrlKey && target.closest('button, a')) return;
    // An open list of completions takes Escape and Enter first.
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
