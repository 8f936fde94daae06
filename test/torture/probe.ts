/** What came of doing something many times. */
export interface Outcome {
  tried: number;
  /** How many times all was as it must be. */
  held: number;
  /** Lines under the row: what did not hold, what was measured. */
  notes?: string[];
}

/** One row of the table: something that is done to sparsebook, and what must be right afterwards. */
export interface Probe {
  name: string;
  /** `short`: the few cases that every run of the test suite has time for. */
  run: (short: boolean) => Promise<Outcome>;
}

/** Makes each try and counts those that do not throw; keeps what the first few that do have to say. */
export async function each<T>(
  tries: Iterable<T>,
  attempt: (one: T, index: number) => Promise<void> | void,
): Promise<Outcome> {
  const notes: string[] = [];
  let [tried, held] = [0, 0];
  for (const one of tries) {
    try {
      await attempt(one, tried);
      held++;
    } catch (error) {
      if (notes.length < 5) notes.push((error instanceof Error ? (error.stack ?? '') : String(error)).slice(0, 600));
    }
    tried++;
  }
  return { tried, held, notes };
}

/** 0, 1, ... n - 1. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
