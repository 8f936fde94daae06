/** The result of doing something many times. */
export interface Outcome {
  tried: number;
  /** How many times everything was correct. */
  held: number;
  /** Lines below the row: failures and measurements. */
  notes?: string[];
}

/** One row of the table: an attack on sparsebook, and what must hold afterwards. */
export interface Probe {
  name: string;
  /** `short`: the few cases that every run of the test suite has time for. */
  run: (short: boolean) => Promise<Outcome>;
}

/** Makes each attempt and counts those that do not throw; keeps the messages of the first few that do. */
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
