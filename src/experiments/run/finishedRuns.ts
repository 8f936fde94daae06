/** A finished run that was asked for. */
export interface FinishedRun {
  id: string;
  name: string;
  /** Whether it was loaded, not trained. */
  loaded: boolean;
}

const finished: FinishedRun[] = [];

/** Notes a finished run, for listeners that report what the process has done. */
export const noteFinished = (run: FinishedRun): void => void finished.push(run);

/** Returns the runs that were noted since the last call. */
export const takeFinished = (): FinishedRun[] => finished.splice(0);
