// Sweeps that were never run: records and histories as `sweep save` writes them, of networks with GoogleNet's gates.
import type { RunHistory, KeptRun, SavedSweep } from 'sparsebook/experiments/results/runHistory.js';

interface MadeSweep {
  lambdas: readonly number[];
  seeds: number;
  epochs?: number;
}

/** The layers before GoogleNet's gates, and their channels. */
const gated = Array.from({ length: 32 }, (_, i) => ({
  layer: `block${1 + Math.floor(i / 4)}_${['1x1', '3x3', '5x5', 'pool'][i % 4]}_conv`,
  all: [16, 32, 8, 8][i % 4] * (1 + Math.floor(i / 12)),
}));

/** A number between 0 and 1 that varies with the arguments. */
const share = (...numbers: number[]): number =>
  (1 + Math.sin(numbers.reduce((sum, each, i) => sum + each * (i + 1.7), 0))) / 2;

function historyOf(lambda: number, seed: number, epochs: number): RunHistory {
  const all = [...Array(epochs).keys()];
  return {
    epochs: all.map((i) => ({
      ...{ epoch: i + 1, step: 20 * (i + 1), phase: null, train: 0.9, loss: 0.5, zeros: 0, overlap: {} },
      validation: Number((0.5 + share(i, lambda, seed) / 3).toPrecision(5)),
    })),
    prunings: [],
    log: [],
    channels: Object.fromEntries(
      gated.map(({ layer, all: channels }, n) => [
        layer,
        { all: channels, open: [channels, ...all.map((i) => Math.round(channels * share(n, i, lambda, seed)))] },
      ]),
    ),
  };
}

const test = (accuracy: number): KeptRun['test'] => ({ accuracy, loss: 0.4, images: 1000 });

/** A sweep over lambda: each run has different numbers; the accuracies of three seeds are 0.80, 0.82 and 0.84. */
export function madeSweep({ lambdas, seeds, epochs = 5 }: MadeSweep): Pick<SavedSweep, 'groups' | 'records'> {
  return {
    groups: lambdas.map((lambda) => ({
      ...{ entry: 'tune', group: `tune lambda_l0=${lambda}`, runs: seeds },
      values: { lambda_l0: String(lambda) },
    })),
    records: lambdas.flatMap((lambda) =>
      Array.from({ length: seeds }, (_, seed): KeptRun => {
        const left = 50_000 + 10_000 * seed + 100 * lambda;
        return {
          ...{ name: `tune lambda_l0=${lambda}`, seed, epochs, settings: { lambda_l0: lambda, seed, lr: 0.001 } },
          ...{
            test: test(0.8 + 0.02 * seed),
            validation: test(0.8),
            selected: { which: 'last', epoch: epochs, step: 1 },
          },
          ...{ parameters: { dense: 260_650, left }, multiply_adds: { dense: 79_643_904, left: 300 * left } },
          history: historyOf(lambda, seed, epochs),
        };
      }),
    ),
  };
}
