import { completeCount } from '../../compact/count/completeCount.js';
import { seedCount } from '../../compact/count/seedCount.js';
import { weightCount } from '../../compact/count/weightCount.js';
import type { L0Run } from './l0Run.js';

/** One row of the table of accuracy against sparsity. Shares are between 0 and 1. */
export interface L0Result {
  run: string;
  data: string;
  /** The fixed lambda, or the one last chosen for a target sparsity; null without gates. */
  lambda_l0: number | null;
  target_sparsity: number | null;
  validation: number;
  test: number;
  /** By the L0 project's count, which its published table uses: it leaves out some layers. null for gates on weights. */
  seedSparsity: number | null;
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
  const { without_using_gate, lambda_l0, target_sparsity } = settings;
  const channels = run.channelMasks();
  const weights = run.sparsifier?.weightMasks?.();
  const count = weights ? weightCount(model, weights) : completeCount(model, channels);
  const masks = [...(weights ?? channels).values()];
  const chosen = target_sparsity === null ? lambda_l0 : (run.sparsifier?.summary?.().lambda ?? null);
  return {
    run: name,
    data: data.name,
    lambda_l0: without_using_gate ? null : chosen,
    target_sparsity,
    validation: (await run.evaluate('validation', signal)).accuracy,
    test: (await run.evaluate('test', signal)).accuracy,
    seedSparsity: weights ? null : seedCount(model, channels).sparsity,
    sparsity: count.sparsity,
    parameters: count.left,
    multiplyAdds: count.multiplyAdds.left,
    closedGates: masks.reduce((sum, mask) => sum + mask.reduce((n, value) => n + (value === 0 ? 1 : 0), 0), 0),
    gates: masks.reduce((sum, mask) => sum + mask.length, 0),
    epochs: settings.epochs,
    validationImages: data.validation.labels.length,
    testImages: data.test.labels.length,
  };
}
