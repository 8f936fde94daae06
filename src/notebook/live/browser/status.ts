import type { FileStatus, KernelStatus } from '../protocol.js';
import { byId, element, type Notices } from './elements.js';

const words: Record<KernelStatus['state'], string> = {
  off: 'no kernel',
  starting: 'kernel starts …',
  idle: 'idle',
  busy: 'running',
  interrupting: 'interrupting …',
  dead: 'kernel died',
};

type Version = 'mine' | 'theirs' | 'copy';

/** Shows the kernel's state in the bar, and as a notice if the user should act. */
export function showKernel({ state, name, note }: KernelStatus, notices: Notices, restart: () => void): void {
  const place = byId('kernel');
  place.textContent = words[state];
  place.title = name;
  place.dataset.state = state;
  document.documentElement.dataset.kernel = state;
  const label = state === 'dead' ? 'Start it again' : 'Restart the kernel';
  notices.say('kernel', note, [{ label, act: restart }]);
}

/** Shows the file's state in the bar and the tab's title, and as notices if the user should act. */
export function showFile(
  { path, dirty, conflict, draft, note }: FileStatus,
  notices: Notices,
  resolve: (choice: Version) => void,
): void {
  const saved = byId('saved');
  const state = conflict ? 'conflict' : dirty ? 'draft' : 'saved';
  saved.dataset.state = state;
  const since = draft === undefined ? '' : ` of ${new Date(draft).toLocaleString()}`;
  const where = element('span', { class: 'where' }, `${since}, not saved into the notebook`);
  saved.replaceChildren(state, ...(state === 'draft' ? [where] : []));
  byId('discard').hidden = state !== 'draft';
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
