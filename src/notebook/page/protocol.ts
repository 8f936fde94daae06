// The program of a page that runs, and the messages between the page and its worker. Both sides compile this file.
import type { CellLinks } from '../live/code/links.js';
import type { ParameterControl } from '../live/protocol.js';
import type { CellScope } from '../kernel/cellVariables.js';
import type { Text } from '../render/latex.js';

/** A cell of code as the page knows it. */
export interface PageCell extends CellLinks {
  /** n of the element `cell-n`. */
  place: number;
  title: string;
  /** The parameters that its outputs depend on. */
  parameters: string[];
  /** Why it cannot run in a page, as half a sentence: `node:fs needs Node`. */
  unable?: string;
}

/** What a page that runs knows about its notebook. */
export interface PageNotebook {
  cells: PageCell[];
  controls: ParameterControl[];
  /** The texts, whose macros outputs may use. */
  texts: Text[];
  /** The names of runs that its outputs name and that the page does not contain. */
  missingRuns: string[];
}

type Require = (name: string) => unknown;

/** A cell as the worker runs it. */
export interface RunnableCell {
  declares: string[];
  lastValue?: string;
  body: (require: Require) => (exports: object, require: Require, bind: CellScope['bind']) => Promise<void>;
}

/**
 * A request of a page to its worker: to put files where the notebook reads them, to run a cell with these values of the
 * parameters, or to stop the running cell. The worker answers with Jupyter's messages, as the kernel does; the reply to
 * a cell also says whether it failed because it needs Node (`needs_node`).
 */
export type Request =
  | { type: 'mount'; files: Record<string, Uint8Array> }
  | { type: 'execute_request'; id: string; cell: string; parameters: Record<string, unknown> }
  | { type: 'interrupt_request' };
