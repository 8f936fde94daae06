import type { Variable } from '../kernel/cellVariables.js';

// What the server and its pages say to each other. Both sides compile this file: it imports types alone.

export type CellType = 'code' | 'markdown' | 'raw';

/** What a cell says, and which page said it last. */
export interface CellText {
  type: CellType;
  source: string;
  tags: string[];
  /** What its metadata ask to hide: folded away at first, and still there. */
  folded?: ('source' | 'outputs')[];
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
  /** Why the outputs may be wrong: older than the source or than what the cell uses, or ended in an error. */
  fault?: 'stale' | 'failed';
  /** Of a stale cell whose own source is the one that ran: the names it uses that have, or may have, changed since. */
  because?: string[];
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
}

/** How the document and its file relate. */
export interface FileStatus {
  path: string;
  dirty: boolean;
  /** The file on disk is not the one that was read or written last; nothing is saved until a person chooses. */
  conflict?: 'changed' | 'gone';
  /**
   * What was opened is a draft, found beside the file: changes that were never saved into it, kept at this time (ISO).
   * `save` writes them into the file, `discardDraft` goes back to the file; neither leaves a draft.
   */
  draft?: string;
  /** Why the last save failed, or what a person should know of it. */
  note?: string;
}

type ParameterControlValue = number | string | boolean | null | unknown[] | Record<string, unknown>;

/** A value of the parameters cell as a control: a slider, a box, a choice or a switch. */
export interface ParameterControl {
  name: string;
  cell: string;
  comment: string;
  /** The value as JSON; undefined where the notebook computes it, which no control can change. */
  value?: ParameterControlValue;
  /** The value that the file had when it was opened, where `value` is another one. */
  default?: ParameterControlValue;
  type?: string;
  range?: { min: number; max: number; step: number };
  /** Values worth offering; `only` says that there are no others. */
  choices?: { values: string[]; only: boolean };
}

/** All tensors that the kernel's cells hold. */
export interface TensorMemory {
  count: number;
  bytes: number;
}

/** What TypeScript says of a piece of code, from `start` up to `end` (offsets into it). */
export interface Problem {
  start: number;
  end: number;
  message: string;
  severity: 'error' | 'warning';
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
  /** The kernel's variables after a run; none without a kernel, and of a kernel that does not tell. */
  variables?: Variable[];
  /** Null where there are none to tell of: no kernel, or one without tensors. */
  tensors?: TensorMemory | null;
}

/** What a page asks of a notebook: POST to /api/commands/PATH. */
export type Command =
  | { do: 'edit'; id: string; source: string }
  | { do: 'insert'; type: CellType; index: number; id: string }
  | { do: 'remove'; id: string }
  | { do: 'move'; id: string; index: number }
  | { do: 'type'; id: string; type: CellType }
  | { do: 'set'; name: string; value: unknown }
  /** Every parameter back to its `default`. */
  | { do: 'resetParameters' }
  | { do: 'run'; ids: string[] }
  | { do: 'runFrom'; id: string }
  /** Runs a cell after those above that it needs and that have not run, or are stale. */
  | { do: 'runNeeds'; id: string }
  /** Runs what depends on a cell below it, not the cell itself. */
  | { do: 'runDependents'; id: string }
  | { do: 'runAll' }
  /** Runs all that is stale, and what that needs; on a fresh kernel everything. */
  | { do: 'runChanged' }
  | { do: 'restore' | 'interrupt' | 'restart' | 'stop' }
  /** Writes the document into its file; until then changes are kept in a draft beside it. */
  | { do: 'save' }
  /** Goes back to what the file holds: what is not saved is gone, and so is the draft. */
  | { do: 'discardDraft' }
  | { do: 'resolve'; with: 'mine' | 'theirs' | 'copy' }
  /** Answered by a `Completion`, by `{ text }`, or by null where the kernel does not know. */
  | { do: 'complete' | 'inspect'; code: string; position: number }
  /**
   * What TypeScript says of a cell as it stands in the editor; answered by `Problem[]`, or by null: no kernel, a busy
   * one, or one that cannot tell.
   */
  | { do: 'diagnose'; code: string };

/**
 * What the list asks of the folder: POST to /api/notebooks, as JSON like a command; answered by `{ path }`, where the
 * notebook is now. A new one has a title, a parameters cell and a code cell. `path` and `to` are as in the list.
 * Refused with 400 and `{ error }`: a name that is taken, or leads out of the folder.
 *
 * GET /api/download/PATH gives a notebook as it is now, unsaved changes included, as a file, and GET /api/report/PATH
 * its report, one HTML file. Both want the key, as a header (X-Key) or in the query (?key=), as events do.
 */
export type FolderCommand =
  { do: 'new' } | { do: 'duplicate'; path: string } | { do: 'rename'; path: string; to: string };

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
  /** Whether there are changes that are not in the file: it is open, or a draft lies beside it. */
  dirty?: boolean;
}
