/** Command mode: a cell as a whole is selected. Edit mode: the cursor is in its editor. */
export type Mode = 'command' | 'edit';

export interface Key {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

/** What a key, a button or a menu makes the page do. */
export type Action =
  | (typeof list)[number]['action']
  | 'runAll'
  | 'runFrom'
  | 'runChanged'
  | 'stop'
  | 'discardDraft'
  | 'makeNew'
  | 'duplicate'
  | 'rename'
  | 'download'
  | 'report';

const list = [
  { keys: 'Shift+Enter', action: 'runAndAdvance', meaning: 'run the cell, go to the next' },
  { keys: 'Ctrl+Enter', action: 'run', meaning: 'run the cell' },
  { keys: 'Alt+Enter', action: 'runAndInsert', meaning: 'run the cell, insert one below' },
  { keys: 'Ctrl+s', action: 'save', meaning: 'save' },
  { keys: 'Ctrl+f', action: 'search', meaning: 'find in the notebook' },
  { keys: 'Escape', mode: 'edit', action: 'leave', meaning: 'leave the editor: command mode' },
  { keys: 'Enter', mode: 'command', action: 'edit', meaning: 'edit the cell' },
  { keys: 'k', mode: 'command', action: 'selectAbove', meaning: 'select the cell above' },
  { keys: 'ArrowUp', mode: 'command', action: 'selectAbove', meaning: 'select the cell above' },
  { keys: 'j', mode: 'command', action: 'selectBelow', meaning: 'select the cell below' },
  { keys: 'ArrowDown', mode: 'command', action: 'selectBelow', meaning: 'select the cell below' },
  { keys: 'n', mode: 'command', action: 'runNeeds', meaning: 'run what the cell needs, and then the cell' },
  { keys: 't', mode: 'command', action: 'runDependents', meaning: 'run what depends on the cell' },
  { keys: 'p', mode: 'command', action: 'pin', meaning: 'pin the cell’s figure beside the parameters, or unpin it' },
  { keys: 'a', mode: 'command', action: 'insertAbove', meaning: 'insert a cell above' },
  { keys: 'b', mode: 'command', action: 'insertBelow', meaning: 'insert a cell below' },
  { keys: 'd d', mode: 'command', action: 'remove', meaning: 'delete the cell' },
  { keys: 'z', mode: 'command', action: 'restore', meaning: 'bring back the cell deleted last' },
  { keys: 'Ctrl+Shift+ArrowUp', mode: 'command', action: 'moveUp', meaning: 'move the cell up' },
  { keys: 'Ctrl+Shift+ArrowDown', mode: 'command', action: 'moveDown', meaning: 'move the cell down' },
  { keys: 'm', mode: 'command', action: 'toMarkdown', meaning: 'make it a text cell (Markdown)' },
  { keys: 'y', mode: 'command', action: 'toCode', meaning: 'make it a code cell' },
  { keys: 'r', mode: 'command', action: 'toRaw', meaning: 'make it a raw cell' },
  { keys: 'i i', mode: 'command', action: 'interrupt', meaning: 'interrupt what runs' },
  { keys: '0 0', mode: 'command', action: 'restart', meaning: 'restart the kernel' },
  { keys: 's', mode: 'command', action: 'save', meaning: 'save' },
  { keys: 'h', mode: 'command', action: 'showKeys', meaning: 'show these keys' },
] as const;

/** Jupyter's keys, each with its mode (both modes if it has none), action and meaning. */
export const shortcuts: readonly { keys: string; mode?: Mode; action: Action; meaning: string }[] = list;

const SEQUENCE_MILLISECONDS = 1000;

/** Reads keys as actions, some of which take two presses. */
export class KeyReader {
  private before = '';
  private at = 0;

  /** The action of a key; `'wait'` after the first of two presses, undefined for a key that is not ours. */
  read(key: Key, mode: Mode, now: number): Action | 'wait' | undefined {
    const pressed = nameOf(key);
    const twice = this.before === pressed && now - this.at < SEQUENCE_MILLISECONDS ? `${pressed} ${pressed}` : '';
    const inMode = shortcuts.filter((shortcut) => shortcut.mode === undefined || shortcut.mode === mode);
    const found = inMode.find(({ keys }) => keys === twice) ?? inMode.find(({ keys }) => keys === pressed);
    const begins = !found && inMode.some(({ keys }) => keys.startsWith(`${pressed} `));
    this.before = begins ? pressed : '';
    this.at = now;
    return found?.action ?? (begins ? 'wait' : undefined);
  }
}

/** The name of a key as the list above writes it; Cmd counts as Ctrl. */
function nameOf({ key, ctrlKey, metaKey, shiftKey, altKey }: Key): string {
  const named = key.length > 1;
  const held = [
    ctrlKey || metaKey ? 'Ctrl+' : '',
    altKey ? 'Alt+' : '',
    shiftKey && (named || ctrlKey) ? 'Shift+' : '',
  ];
  return held.join('') + (named || shiftKey ? key : key.toLowerCase());
}
