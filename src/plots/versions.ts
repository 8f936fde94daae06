import { ink } from './theme.js';

/** A trained version of the ISTA protocol: what its figures need of it. */
export interface VersionCourse {
  name: string;
  log: readonly {
    step: number;
    groupLasso: number;
    fakeSparsity: number;
    /** By the layer whose channels they belong to. */
    gammas: Readonly<Record<string, readonly number[]>>;
  }[];
  /** Accuracy from 0 to 1. */
  validation: readonly { step: number; accuracy: number }[];
}

/** A version with the number of steps that were made before it, so that one axis can hold several. */
export interface PlacedVersion extends VersionCourse {
  from: number;
}

/** Versions one behind another. */
export function oneAfterAnother(versions: readonly VersionCourse[]): PlacedVersion[] {
  let from = 0;
  return versions.map((version) => {
    const placed = { ...version, from };
    from += Math.max(0, ...[...version.log, ...version.validation].map(({ step }) => step));
    return placed;
  });
}

/** A vertical line where each version begins, and its name beside the line, above the panels. */
export function versionMarks(versions: readonly PlacedVersion[]): { shapes: object[]; annotations: object[] } {
  const line = { color: ink, width: 1, dash: 'dash' };
  return {
    shapes: versions
      .slice(1)
      .map(({ from }) => ({ type: 'line', x0: from, x1: from, yref: 'paper', y0: 0, y1: 1, line })),
    annotations: versions.map(({ from, name }) => ({
      text: name,
      x: from,
      y: 1,
      yref: 'paper',
      xanchor: 'left',
      yanchor: 'bottom',
      showarrow: false,
      font: { size: 12 },
    })),
  };
}
