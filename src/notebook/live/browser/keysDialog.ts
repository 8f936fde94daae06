import { byId, element } from './element.js';
import { shortcuts } from '../keys.js';

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
