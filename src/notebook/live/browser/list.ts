import { applyStoredTheme, prepareTheme } from '../../report/browser/theme.js';
import type { ListedNotebook } from '../protocol.js';
import { button, byId, element, Notices } from './elements.js';
import { key, post, whyNot } from './connection.js';

applyStoredTheme();
history.replaceState(null, '', location.pathname);

const REFRESH_MILLISECONDS = 2000;

const encoded = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

function line({ path, title, changed, fault, kernel, dirty }: ListedNotebook): HTMLElement {
  if (fault !== undefined) {
    const reason = element('p', { class: 'fault' }, fault);
    return element('li', {}, element('div', {}, element('strong', {}, path), reason));
  }
  const states = [
    kernel && kernel !== 'off' ? `kernel ${kernel}` : '',
    dirty ? 'not saved' : '',
    `changed ${new Date(changed).toLocaleString()}`,
  ];
  const link = element('a', { href: `/notebooks/${encoded(path)}` }, title || path);
  const about = element('p', {}, element('code', {}, path), ` · ${states.filter(Boolean).join(' · ')}`);
  const stop = button('Stop', () => void stopKernel(path), { 'aria-label': `Stop the kernel of ${path}` });
  return element('li', {}, element('div', {}, link, about), ...(kernel && kernel !== 'off' ? [stop] : []));
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
  if (text === shown) return;
  shown = text;
  const listed = JSON.parse(text) as ListedNotebook[];
  const none = element('li', {}, 'There is no notebook in this folder.');
  byId('notebooks').replaceChildren(...(listed.length > 0 ? listed.map(line) : [none]));
}

document.addEventListener('DOMContentLoaded', () => {
  notices = new Notices(byId('notices'));
  prepareTheme();
  void refresh();
  setInterval(() => void refresh(), REFRESH_MILLISECONDS);
});
