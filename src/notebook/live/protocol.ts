// What the server and its pages say to each other. Both sides compile this file: it imports nothing.

export type CellType = 'code' | 'markdown' | 'raw';

/** What a cell says, and which page said it last. */
export interface CellText {
  type: CellType;
  source: string;
  tags: string[];
  /** Markdown as HTML; absent for code. */
  html?: string;
  /** The page whose edit this is; it has it already. */
  by?: string;
}

/** Where a cell is in its life. */
export interface CellRun {
  state: 'idle' | 'queued' | 'running';
  count: number | null;
  seconds?: number;
  /** What speaks against the outputs: older than the source, or ended in an error. */
  fault?: 'stale' | 'failed';
}

/** The outputs of a cell that changed, as HTML, and how many there are. */
export interface OutputsPatch {
  length: number;
  changed: Record<number, string>;
}

export interface CellPatch {
  text?: CellText;
  run?: CellRun;
  outputs?: OutputsPatch;
}

export interface KernelStatus {
  state: 'off' | 'starting' | 'idle' | 'busy' | 'interrupting' | 'dead';
  name: string;
  /** Why it is dead, or what a person should know. */
  note?: string;
  /** While cells run: how many are left, this one included. */
  left?: number;
}

/** How the document and its file relate. */
export interface FileStatus {
  path: string;
  dirty: boolean;
  /** The file on disk is not the one that was read or written last; nothing is saved until a person chooses. */
  conflict?: 'changed' | 'gone';
  /** Why the last save failed, or what a person should know of it. */
  note?: string;
}

/** A value of the parameters cell as a control: a slider, a box, a choice or a switch. */
export interface ParameterControl {
  name: string;
  cell: string;
  comment: string;
  /** The value as JSON; undefined where the notebook computes it, which no control can change. */
  value?: number | string | boolean | null | unknown[] | Record<string, unknown>;
  type?: string;
  range?: { min: number; max: number; step: number };
  /** Values worth offering; `only` says that there are no others. */
  choices?: { values: string[]; only: boolean };
}

/** All that changed since a version: what pages are sent, and all that they know. */
export interface Patch {
  /** The life of the document that versions count in; another one means that everything is new. */
  epoch: string;
  version: number;
  /** This patch holds everything: what it does not mention is gone. */
  whole: boolean;
  order?: string[];
  cells: Record<string, CellPatch>;
  kernel?: KernelStatus;
  file?: FileStatus;
  parameters?: ParameterControl[];
}

export type Command =
  | { do: 'edit'; id: string; source: string }
  | { do: 'insert'; type: CellType; index: number; id: string }
  | { do: 'remove'; id: string }
  | { do: 'move'; id: string; index: number }
  | { do: 'type'; id: string; type: CellType }
  | { do: 'set'; name: string; value: unknown }
  | { do: 'run'; ids: string[] }
  | { do: 'runFrom'; id: string }
  | { do: 'runAll' | 'runChanged' | 'restore' | 'interrupt' | 'restart' | 'stop' | 'save' }
  | { do: 'resolve'; with: 'mine' | 'theirs' | 'copy' }
  | { do: 'complete' | 'inspect'; code: string; position: number };

export interface Completion {
  matches: string[];
  start: number;
  end: number;
}

/** One line of the list of notebooks. */
export interface ListedNotebook {
  path: string;
  title: string;
  /** When the file was changed, in milliseconds since 1970. */
  changed: number;
  /** Why it cannot be opened. */
  fault?: string;
  kernel?: KernelStatus['state'];
  dirty?: boolean;
}
