import type { L0Result } from './l0Result.js';

/** What a sweep over several lambdas saved: `npm run sweep:l0`. */
export interface L0Sweep {
  about: {
    data: string;
    trainedOn: string;
    machine: string;
    sizes: { train: number; validation: number; test: number };
    budget: Record<string, unknown>;
    runsPerSetting: number;
  };
  results: L0Result[];
  /** The penalty at each training step. */
  curves: { name: string; steps: number[]; penalty: number[] }[];
}
