import { completeCount } from '../../compact/count/completeCount.js';
import { seedCount } from '../../compact/count/seedCount.js';
import type { L0Run } from './l0Run.js';

/** One row of the table of accuracy against sparsity. Shares are between 0 and 1. */
export interface L0Result {
  run: string;
  data: string;
  lambda_l0: number | null;
  validation: number;
  test: number;
  /** By the L0 project's count, which its published table uses: it leaves out some layers. */
  seedSparsity: number;
  /** By the complete count of all trained values. */
  sparsity: number;
  parameters: number;
  /** Per image. */
  multiplyAdds: number;
  closedGates: number;
  gates: number;
  epochs: number;
  /** Images that the two accuracies are shares of. */
  validationImages: number;
  testImages: number;
}

/** Measures a trained run: accuracy on validation and, once, on test; what is left of the network by both counts. */
export async function l0Result(name: string, run: L0Run, signal?: AbortSignal): Promise<L0Result> {
  const { model, data, settings } = run;
  const masks = run.channelMasks();
  const gates = [...masks.values()].flatMap((mask) => [...mask]);
  const complete = completeCount(model, masks);
  return {
    run: name,
    data: data.name,
    lambda_l0: settings.without_using_gate ? null : settings.lambda_l0,
    validation: (await run.evaluate('validation', signal)).accuracy,
    test: (await run.evaluate('test', signal)).accuracy,
    seedSparsity: seedCount(model, masks).sparsity,
    sparsity: complete.sparsity,
    parameters: complete.left,
    multiplyAdds: complete.multiplyAdds.left,
    closedGates: gates.filter((mask) => mask === 0).length,
    gates: gates.length,
    epochs: settings.epochs,
    validationImages: data.validation.labels.length,
    testImages: data.test.labels.length,
  };
}
