import type { KernelExit } from '../kernel/kernelProcess.js';

/** Why a run ended before its last cell. */
export type FailureKind = 'error' | 'timeout' | 'interrupted' | 'dead';

/** A cell that went wrong. */
export interface CellFault {
  kind: FailureKind;
  /** Counted from 1, over all cells of the notebook that is written. */
  cell: number;
  title: string;
  /** One line: what happened. */
  cause: string;
  /** More lines, if the kernel gave any. */
  traceback: string[];
}

/** How a kernel died, in words. */
export function causeOfDeath({ code, signal, lastWords }: KernelExit): string {
  if (/heap out of memory|Array buffer allocation failed/.test(lastWords)) {
    return 'the kernel ran out of memory (more: NODE_OPTIONS=--max-old-space-size=MEGABYTES)';
  }
  if (signal === 'SIGKILL') return 'the kernel was killed (SIGKILL), perhaps by the system for want of memory';
  if (signal) return `the kernel was ended by ${signal}`;
  return `the kernel ended with exit code ${code} (does the cell call process.exit?)`;
}
