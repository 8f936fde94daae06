/** Where a run is, both counted from 0. */
export interface Progress {
  epoch: number;
  /** Steps made since the start of the run. */
  step: number;
}

/** The factor by which learning rates are multiplied at a point of the run. */
export type Schedule = (progress: Progress) => number;

/** The same learning rate throughout. */
export const constant: Schedule = () => 1;
