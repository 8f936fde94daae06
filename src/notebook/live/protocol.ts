import type { Variable } from '../kernel/cellVariables.js';

// The messages between the server and its pages. Both sides compile this file, so it imports only types.

export type CellType = 'code' | 'markdown' | 'raw';

/** The text of a cell, and which page edited it last. */
export interface CellText {
  type: CellType;
  source: string;
  tags: string[];
  /** The parts that its metadata asks to hide: folded away at first, but still there. */
  folded?: ('source' | 'outputs')[];
  /** Markdown as HTML; absent for code. */
  html?: string;
  /** The page that made this edit and so has it already. */
  by?: string;
}

/** The state of a cell's run. */
export interface CellRun {
  state: 'idle' | 'queued' | 'running';
  count: number | null;
  seconds?: number;
  /** Why the outputs may be wrong: older than the source or than what the cell uses, or ended in an error. */
  fault?: 'stale' | 'failed';
  /**
   * For a stale cell whose source has not changed: the names that it uses and that have, or may have, changed since.
   */
  because?: string[];
}

/** The changed outputs of a cell, as HTML by index, and the number of all its outputs. */
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
  /** Why it is dead, or what the user should know. */
  note?: string;
}

/** How the document and its file relate. */
export interface FileStatus {
  path: string;
  dirty: boolean;
  /** The file on disk is not the one that was read or written last; nothing is saved until the user chooses. */
  conflict?: 'changed' | 'gone';
  /**
   * When the opened draft was written (ISO time). A draft is found beside the file and holds changes that were never
   * saved into it. `save` writes them into the file, `discardDraft` goes back to the file; both delete the draft.
   */
  draft?: string;
  /** Why the last save failed, or what the user should know. */
  note?: string;
}

type ParameterControlValue = number | string | boolean | null | unknown[] | Record<string, unknown>;

/** A value of the parameters cell as a control: a slider, a box, a choice or a switch. */
export interface ParameterControl {
  name: string;
  cell: string;
  comment: string;
  /** The value as JSON; undefined if the notebook computes it, so that no control can change it. */
  value?: ParameterControlValue;
  /** The value in the file when it was opened, if `value` is a different one. */
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

/** A message by TypeScript about a piece of code, from offset `start` up to offset `end`. */
export interface Problem {
  start: number;
  end: number;
  message: string;
  severity: 'error' | 'warning';
}

/** Everything that changed since a version. Pages know only what patches tell them. */
export interface Patch {
  /** Identifies the document whose versions are counted; another epoch means that everything is new. */
  epoch: string;
  version: number;
  /** This patch holds everything: what it does not mention is gone. */
  whole: boolean;
  order?: string[];
  cells: Record<string, CellPatch>;
  kernel?: KernelStatus;
  file?: FileStatus;
  parameters?: ParameterControl[];
  /** The kernel's variables after a run; none without a kernel, or if the kernel does not tell them. */
  variables?: Variable[];
  /** Null without a kernel, or for a kernel without tensors. */
  tensors?: TensorMemory | null;
}

/** A command of a page to a notebook: POST to /api/commands/PATH. */
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
  /** Runs the cells above that a cell needs and that have not run or are stale, and then the cell. */
  | { do: 'runNeeds'; id: string }
  /** Runs the cells below that depend on a cell, not the cell itself. */
  | { do: 'runDependents'; id: string }
  | { do: 'runAll' }
  /** Runs the stale cells and what they need; if none is stale, as `LiveCode.toRun` says. */
  | { do: 'runChanged' }
  | { do: 'restore' | 'interrupt' | 'restart' | 'stop' }
  /** Writes the document into its file; until then changes are kept in a draft beside it. */
  | { do: 'save' }
  /** Goes back to what the file holds: unsaved changes and the draft are lost. */
  | { do: 'discardDraft' }
  | { do: 'resolve'; with: 'mine' | 'theirs' | 'copy' }
  /** Answered by a `Completion`, by `{ text }`, or by null if the kernel does not know. */
  | { do: 'complete' | 'inspect'; code: string; position: number }
  /**
   * Asks for TypeScript's messages about a cell as it is in the editor; answered by `Problem[]`, or by null if there is
   * no kernel, it is busy, or it cannot check code.
   */
  | { do: 'diagnose'; code: string };

/**
 * A command of a page to the folder: POST to /api/notebooks, as JSON like a command; answered by `{ path }`, where the
 * notebook is now. A new notebook has a title, a parameters cell and a code cell. `path` and `to` are as in the list. A
 * name that is taken, or leads out of the folder, is refused with 400 and `{ error }`.
 *
 * GET /api/download/PATH returns a notebook as it is now, unsaved changes included, as a file, and GET /api/report/PATH
 * its report, one HTML file. Both need the key, as a header (X-Key) or in the query (?key=), as events do.
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
  /** Whether there are changes that are not in the file, in an open notebook or a draft. */
  dirty?: boolean;
}
