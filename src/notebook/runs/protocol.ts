import type { RunRow } from '../../experiments/results/runTable.js';

/** A run as the page lists it. */
export interface ListedRun extends RunRow {
  /** When it last began, in milliseconds since 1970. */
  began: number;
  /** Why it cannot be read; the rest then means nothing. */
  fault?: string;
}

/** Points of a curve over epochs; values that are not finite are `null`. */
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
  /** Changes whenever the points do. */
  version: number;
  points: Record<(typeof figureNames)[number], Points>;
  /** Why points are missing. */
  fault?: string;
}

/** What changed since a page last asked. */
export interface RunsPatch {
  /** Identifies the server: what a page knows from another server is void. */
  epoch: string;
  version: number;
  /** The runs that changed. */
  runs: ListedRun[];
  /** All ids, oldest first, if they have changed. */
  order?: string[];
  /** The curves that changed, of the runs asked for. */
  curves: Record<string, RunCurves>;
}

/**
 * The maximum number of runs whose curves are shown at once: as many as colours and line styles can distinguish.
 */
export const MOST_CHOSEN = 30;
