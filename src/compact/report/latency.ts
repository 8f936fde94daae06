import { setImmediate } from '#platform';
import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { check, wholeNumber } from '../../rules.js';
import { forward } from '../../graph/gates.js';
import { compile } from '../compile.js';

/** How forward passes are timed, and how often. */
export interface LatencyOptions {
  /**
   * Whether to time the network's compiled plan, as it is deployed, if there is one: on backend simd, unless `compile`
   * refuses the network. false: `forward`, as in `model.predict`. Default true.
   */
  compiled?: boolean;
  /** Number of timed passes. Default 30. */
  runs?: number;
  /** Number of untimed passes before them, which load and prepare what later passes reuse. Default 5. */
  warmUp?: number;
  /** Ends the measurement between two passes by throwing its reason. */
  signal?: AbortSignal;
  /** The clock, in milliseconds. Default: the machine's. */
  now?: () => number;
}

/** The time of a forward pass in milliseconds: the median of all passes, and the 10th and 90th percentiles. */
export interface Latency {
  batchSize: number;
  median: number;
  p10: number;
  p90: number;
  runs: number;
  /** Whether a compiled plan was timed. */
  compiled: boolean;
}

/** The value below which a share of the sorted values lies, interpolated linearly between neighbours. */
export function percentile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.ceil(place);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

/** Normally distributed noise for each input of a network, the same each time. The caller disposes it. */
export function noise(model: tf.LayersModel, batchSize: number): tf.Tensor[] {
  return model.inputs.map(({ shape }, i) =>
    tf.randomNormal([batchSize, ...(shape.slice(1) as number[])], 0, 1, 'float32', i + 1),
  );
}

/**
 * Times forward passes of a network over a batch of images, from the call until the logits can be read. Rejects with
 * the reason of an aborted signal.
 */
export async function measureLatency(
  model: tf.LayersModel,
  batchSize: number,
  options: LatencyOptions = {},
): Promise<Latency> {
  return (await measureLatencies([model], batchSize, options))[0];
}

/** Times several networks on the same inputs, in turns. */
export async function measureLatencies(
  models: readonly tf.LayersModel[],
  batchSize: number,
  options: LatencyOptions = {},
): Promise<Latency[]> {
  return (await timeInTurns(models, batchSize, options)).map(({ times, compiled }) => {
    const [p10, median, p90] = [0.1, 0.5, 0.9].map((share) => percentile(times, share));
    return { batchSize, median, p10, p90, runs: times.length, compiled };
  });
}

interface Pass {
  compiled: boolean;
  run: (inputs: tf.Tensor[]) => tf.Tensor[];
  dispose: () => void;
}

/** A network's forward pass as it is deployed (`LatencyOptions.compiled`). The caller disposes it. */
export function passOf(model: tf.LayersModel, batchSize: number, compiled = true): Pass {
  if (compiled && tf.getBackend() === 'simd') {
    try {
      const plan = compile(model, { batchSize });
      return { compiled, run: (inputs) => [plan.predict(inputs)].flat(), dispose: () => plan.dispose() };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
  return { compiled: false, run: (inputs) => [forward(model, inputs)].flat(), dispose: () => undefined };
}

/** The milliseconds of a network's forward passes. */
export interface PassTimes {
  /** Sorted. */
  times: number[];
  /** Whether a compiled plan was timed. */
  compiled: boolean;
}

/**
 * Times forward passes of several networks on the same noise, until their outputs can be read. The networks take turns,
 * so that other work on the machine affects all of them equally. Throws a UserError for a batch size or a number of
 * passes out of range.
 */
export async function timeInTurns(
  models: readonly tf.LayersModel[],
  batchSize: number,
  { compiled, runs = 30, warmUp = 5, signal, now = () => performance.now() }: LatencyOptions = {},
): Promise<PassTimes[]> {
  check('The number of images that pass at once', batchSize, wholeNumber({ min: 1 }));
  check('runs', runs, wholeNumber({ min: 1 }));
  check('warmUp', warmUp, wholeNumber({ min: 0 }));
  const inputs = noise(models[0], batchSize);
  const passes: Pass[] = [];
  try {
    for (const model of models) passes.push(passOf(model, batchSize, compiled));
    const times = passes.map((): number[] => []);
    for (let i = -warmUp; i < runs; i++) {
      for (const [p, { run }] of passes.entries()) {
        signal?.throwIfAborted();
        const began = now();
        const outputs = tf.tidy(() => run(inputs));
        await Promise.all(outputs.map((output) => output.data()));
        if (i >= 0) times[p].push(now() - began);
        tf.dispose(outputs);
        await setImmediate();
      }
    }
    return passes.map((pass, p) => ({ times: times[p].sort((a, b) => a - b), compiled: pass.compiled }));
  } finally {
    tf.dispose(inputs);
    for (const pass of passes) pass.dispose();
  }
}
