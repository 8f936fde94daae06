import type { KernelExit } from '../kernel/client/kernelProcess.js';
import type { Message } from '../kernel/wire.js';
import type { Notebook } from './notebook.js';

export interface CellPlace {
  index: number;
  /** n of "cell n of m", counted from 1 over the code cells that are run. */
  number: number;
  total: number;
  title: string;
}

export interface RunResult {
  ok: boolean;
  output: string;
  notebook: Notebook;
  /** How many cells were run, failed ones included. */
  executed: number;
  seconds: number;
  fault: CellFault | undefined;
  /** Failures that did not end it (`allowErrors`, tag `raises-exception`). */
  tolerated: CellFault[];
}

/** An event of a run in progress: progress lines, live pages and tests all read these. */
export type RunEvent =
  | { type: 'start'; file: string; output: string; total: number }
  | { type: 'kernelReady'; kernel: string; seconds: number }
  | { type: 'cellStart'; place: CellPlace }
  | { type: 'message'; place: CellPlace; message: Message }
  | { type: 'cellEnd'; place: CellPlace; seconds: number; fault: CellFault | undefined }
  | { type: 'end'; result: RunResult };

/** Why a run ended before its last cell. */
export type FailureKind = 'error' | 'timeout' | 'interrupted' | 'dead';

export interface CellFault {
  kind: FailureKind;
  /** Counted from 1, over all cells of the notebook that is written. */
  cell: number;
  title: string;
  cause: string;
  traceback: string[];
}

/** How a kernel died, in words. */
export function causeOfExit({ code, signal, lastWords }: KernelExit): string {
  if (/heap out of memory|Array buffer allocation failed/.test(lastWords)) {
    return 'the kernel ran out of memory (more: NODE_OPTIONS=--max-old-space-size=MEGABYTES)';
  }
  if (signal === 'SIGKILL') return 'the kernel was killed (SIGKILL), perhaps by the system for want of memory';
  if (signal) return `the kernel was ended by ${signal}`;
  return `the kernel ended with exit code ${code} (does the cell call process.exit?)`;
}
