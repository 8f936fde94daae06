import { applyStoredTheme, prepareTheme } from '../../report/browser/theme.js';
import type { ListedNotebook } from '../protocol.js';
import { button, byId, element, Notices } from './elements.js';
import { CommandError, key, post, whyNot } from './connection.js';
import { downloadNotebook, downloadReport, duplicate, encoded, makeNew, rename } from './files.js';

applyStoredTheme();
history.replaceState(null, '', location.pathname);

const REFRESH_MILLISECONDS = 2000;

function line({ path, title, changed, fault, kernel, dirty }: ListedNotebook): HTMLElement {
  if (fault !== undefined) {
    const reason = element('p', { class: 'fault' }, fault);
    return element('li', {}, element('div', {}, element('strong', {}, path), reason));
  }
  const states = [
    kernel && kernel !== 'off' ? `kernel ${kernel}` : '',
    dirty ? 'draft, not saved into the notebook' : '',
    `changed ${new Date(changed).toLocaleString()}`,
  ];
  const link = element('a', { href: `/notebooks/${encoded(path)}` }, title || path);
  const about = element('p', {}, element('code', {}, path), ` · ${states.filter(Boolean).join(' · ')}`);
  const stop = button('Stop', () => void stopKernel(path), { 'aria-label': `Stop the kernel of ${path}` });
  const runs = kernel !== undefined && kernel !== 'off';
  const tools = element('div', { class: 'row' }, ...(runs ? [stop] : []), ...fileButtons(path));
  return element('li', {}, element('div', {}, link, about), tools);
}

/** The button and menu of actions on a notebook's file. */
function fileButtons(path: string): HTMLElement[] {
  const id = `file-${encodeURIComponent(path)}`;
  const acts = { Duplicate: duplicate, Rename: rename, Download: downloadNotebook, 'Export report': downloadReport };
  const menu = element('div', { id, class: 'sheet menu', popover: 'auto' });
  for (const [name, act] of Object.entries(acts)) {
    const start = (): void => {
      menu.hidePopover();
      act(path).catch(fail);
    };
    menu.append(button(name, start));
  }
  return [element('button', { type: 'button', popovertarget: id, 'aria-label': `File of ${path}` }, 'File'), menu];
}

function fail(error: unknown): void {
  if (!(error instanceof CommandError)) throw error;
  notices.say('command', error.message, [], true);
}

async function stopKernel(path: string): Promise<void> {
  await post(encoded(path), { do: 'stop' });
  await refresh();
}

let shown = '';
let notices: Notices;

async function refresh(): Promise<void> {
  if (document.hidden) return;
  const response = await fetch('/api/notebooks', { headers: { 'X-Key': key } }).catch(() => undefined);
  notices.say('link', response?.ok ? undefined : await whyNot(response));
  if (!response?.ok) return;
  const text = await response.text();
  // Replacing the list would remove an open menu.
  if (text === shown || document.querySelector(':popover-open')) return;
  shown = text;
  const listed = JSON.parse(text) as ListedNotebook[];
  const none = element('li', {}, 'There is no notebook in this folder.');
  byId('notebooks').replaceChildren(...(listed.length > 0 ? listed.map(line) : [none]));
}

document.addEventListener('DOMContentLoaded', () => {
  notices = new Notices(byId('notices'));
  prepareTheme();
  byId('new').addEventListener('click', () => void makeNew().catch(fail));
  void refresh();
  setInterval(() => void refresh(), REFRESH_MILLISECONDS);
});
