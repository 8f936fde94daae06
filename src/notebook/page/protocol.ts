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
  /** The parameters that what it shows depends on. */
  parameters: string[];
  /** Why it cannot run in a page, as half a sentence: `node:fs needs Node`. */
  unable?: string;
}

/** What a page that runs knows of its notebook. */
export interface PageNotebook {
  cells: PageCell[];
  controls: ParameterControl[];
  /** The texts, whose macros outputs may use. */
  texts: Text[];
  /** The names of runs that its outputs tell of and that the page does not carry. */
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
 * What a page asks its worker: to put files where the notebook reads them, to run a cell with these values of the
 * parameters, to stop the one that runs. The worker answers by Jupyter's messages, as the kernel does; the reply to a
 * cell says besides whether it failed for want of Node (`needs_node`).
 */
export type Request =
  | { type: 'mount'; files: Record<string, Uint8Array> }
  | { type: 'execute_request'; id: string; cell: string; parameters: Record<string, unknown> }
  | { type: 'interrupt_request' };
