import type { FileStatus, KernelStatus, Patch } from '../protocol.js';
import { byId } from './element.js';
import type { Notices } from './notices.js';

const words: Record<KernelStatus['state'], string> = {
  off: 'no kernel',
  starting: 'kernel starts …',
  idle: 'idle',
  busy: 'running',
  interrupting: 'interrupting …',
  dead: 'kernel died',
};

/** What the status asks of the page. */
export interface StatusHost {
  resolve(choice: 'mine' | 'theirs' | 'copy'): void;
  restart(): void;
}

/** Shows how the kernel and the file are: in the bar, in the tab's title, and as notices where a person should act. */
export function showStatus({ kernel, file }: Pick<Patch, 'kernel' | 'file'>, notices: Notices, host: StatusHost): void {
  if (kernel) showKernel(kernel, notices, host);
  if (file) showFile(file, notices, host);
}

function showKernel({ state, name, note, left }: KernelStatus, notices: Notices, host: StatusHost): void {
  const place = byId('kernel');
  const more = left !== undefined && left > 1 ? `, ${left - 1} more wait${left === 2 ? 's' : ''}` : '';
  place.textContent = `${words[state]}${more}`;
  place.title = name;
  place.dataset.state = state;
  document.documentElement.dataset.kernel = state;
  const restart = [{ label: state === 'dead' ? 'Start it again' : 'Restart the kernel', act: () => host.restart() }];
  notices.say('kernel', note, restart);
}

function showFile({ path, dirty, conflict, note }: FileStatus, notices: Notices, host: StatusHost): void {
  byId('saved').textContent = conflict ? 'conflict' : dirty ? 'not saved' : 'saved';
  byId('saved').dataset.state = conflict ? 'conflict' : dirty ? 'dirty' : 'saved';
  document.title = `${dirty ? '• ' : ''}${path}`;
  const choice = (label: string, which: 'mine' | 'theirs' | 'copy') => ({ label, act: () => host.resolve(which) });
  const keep = choice('Keep this page’s version', 'mine');
  const changed = 'Another program has changed the file on disk. Nothing is saved until you choose.';
  const gone = 'The file is no longer on disk. Nothing is saved until you choose.';
  const [text, choices] =
    conflict === 'changed'
      ? [
          changed,
          [keep, choice('Load the file', 'theirs'), choice('Load the file, save this version beside it', 'copy')],
        ]
      : [gone, [choice('Save it there again', 'mine')]];
  notices.say('conflict', conflict ? text : undefined, choices);
  notices.say('file', note, [], true);
}
