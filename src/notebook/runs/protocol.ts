import type { RunRow } from '../../experiments/results/runTable.js';

/** A run as the page lists it. */
export interface ListedRun extends RunRow {
  /** When it last began, in milliseconds since 1970. */
  began: number;
  /** Why it cannot be read; the rest says nothing then. */
  fault?: string;
}

/** Points of a curve over epochs; what is not a finite number is `null`. */
export interface Points {
  x: (number | null)[];
  y: (number | null)[];
}

/**
 * The figures: accuracy after each epoch, loss and speed in training, share of closed channels (or else of zero
 * weights) after each epoch.
 */
export const figureNames = ['validation', 'loss', 'sparsity', 'speed'] as const;

/** A run's curves. */
export interface RunCurves {
  /** Another one means other points. */
  version: number;
  points: Record<(typeof figureNames)[number], Points>;
  /** Why they are not all there. */
  fault?: string;
}

/** What changed since a page asked last. */
export interface RunsPatch {
  /** Of the server: what a page knows from another one is void. */
  epoch: string;
  version: number;
  /** The runs that changed. */
  runs: ListedRun[];
  /** All ids, oldest first, if there are others. */
  order?: string[];
  /** Of the runs asked for, those that changed. */
  curves: Record<string, RunCurves>;
}

/** Runs whose curves are shown at once: as many as colours and line styles tell apart. */
export const MOST_CHOSEN = 30;
