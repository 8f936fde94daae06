import * as tf from '@tensorflow/tfjs';
import { readable } from '../../backend/readable.js';
import { UserError } from '../../errors.js';
import type { SavedTensor } from '../../formats/safetensors.js';
import { gatesOf } from '../../graph/gates.js';
import { fillWeights, layerNames, namedWeights } from '../../graph/names.js';
import type { Sparsifier, State } from '../../sparsity/sparsifier.js';
import type { Provenance } from '../log/provenance.js';
import type { Optimizer } from '../slots.js';
import type { WeightAverages } from '../weightAverages.js';
import type { Checkpoint, TrainedState } from './checkpoint.js';

/** The part of `Cutting` that checkpoints use. */
export interface PartialTraining {
  state(): State | undefined;
  wholeState(): Promise<TrainedState | undefined>;
  restore(state: State | undefined): void;
}

/** The parts that a run changes. */
export interface TrainedParts {
  model: tf.LayersModel;
  optimizer: Optimizer;
  sparsifier?: Sparsifier;
  averages?: WeightAverages;
  cutting?: PartialTraining;
}

/** A copy of everything that a run has changed so far: what a checkpoint saves. */
export async function takeState(parts: TrainedParts): Promise<TrainedState> {
  const { model, optimizer, sparsifier, averages, cutting } = parts;
  const cut = cutting?.state();
  const whole = await cutting?.wholeState();
  if (whole) return { ...whole, cut };
  await readable();
  const weights = new Map<string, SavedTensor>();
  const names = layerNames(model);
  for (const [name, weight] of namedWeights(model)) {
    const tensor = weight.read();
    weights.set(name, { shape: [...tensor.shape], values: tensor.dataSync<'float32'>().slice() });
  }
  return {
    weights,
    draws: Object.fromEntries(gatesOf(model).map((gate) => [names.get(gate)!, gate.draws])),
    optimizer: { name: optimizer.name, state: optimizer.state() },
    sparsifier: sparsifier && { name: sparsifier.name, state: sparsifier.state() },
    averages: await averages?.state(),
    cut,
  };
}

/**
 * The weights with which a checkpoint's network is evaluated: the averages if it has any, 0 where the weight is 0, and
 * the running statistics that fit them.
 */
export function averagedWeights({
  weights,
  averages,
}: Pick<Checkpoint, 'weights' | 'averages'>): Checkpoint['weights'] {
  const [means, statistics] = [Object(averages?.averages), Object(averages?.statistics)] as Record<
    string,
    Float32Array | undefined
  >[];
  const evaluated = (name: string, { shape, values }: SavedTensor): SavedTensor => {
    const mean = means[name];
    if (!mean) return { shape, values: statistics[name] ?? values };
    return { shape, values: Float32Array.from(values, (value, i) => (value === 0 ? 0 : mean[i])) };
  };
  return new Map([...weights].map(([name, tensor]) => [name, evaluated(name, tensor)]));
}

/**
 * Copies the weights of a checkpoint, including running statistics, into a model. Throws a UserError that names the
 * checkpoint and the first tensor that does not fit; the model is then unchanged.
 */
export function restoreWeights({ path, weights }: Pick<Checkpoint, 'path' | 'weights'>, model: tf.LayersModel): void {
  const other = `The checkpoint ${path} is of another network than ${model.name}`;
  fillWeights(model, weights, (reason) => new UserError(`${other}: ${reason}.`));
}

/** Throws a UserError for images other than those of the saved run, as far as both are known. */
function checkData({ path, provenance }: Checkpoint, data: Provenance['data']): void {
  const saved = provenance?.data;
  if (!saved || !data || (saved.hash === data.hash && saved.splitHash === data.splitHash)) return;
  throw new UserError(
    `The checkpoint ${path} is of training on ${saved.name} (${saved.hash}, split ${saved.splitHash}), and cannot go on ` +
      `with ${data.name} (${data.hash}, split ${data.splitHash}). Start a new run from its weights instead.`,
  );
}

/**
 * Copies a checkpoint's weights and memories into a new model, optimizer and sparsity method, built with the same
 * settings, and returns the `startStep` with which `train` makes exactly the steps that the saved run would have made
 * next. Throws a UserError for parts of another kind than the saved ones, and for other images if `data` is given.
 */
export function resumeFrom(
  checkpoint: Checkpoint,
  { model, optimizer, sparsifier, averages, cutting }: TrainedParts,
  data?: Provenance['data'],
): number {
  const { path } = checkpoint;
  for (const part of ['optimizer', 'sparsifier'] as const) {
    const [saved, now] = [checkpoint[part]?.name, { optimizer, sparsifier }[part]?.name];
    if (saved === now) continue;
    throw new UserError(
      `The checkpoint ${path} is of training with ${saved ?? 'no sparsity method'}, and cannot go on with ${now ?? 'none'}. ` +
        'Start a new run from its weights instead.',
    );
  }
  if ((checkpoint.averages === undefined) !== (averages === undefined)) {
    const [saved, now] = averages ? ['does not keep', 'keeps'] : ['keeps', 'does not keep'];
    throw new UserError(
      `The run of the checkpoint ${path} ${saved} averages of the weights, and this one ${now} them. ` +
        'Give both the same averages, or start a new run from its weights instead.',
    );
  }
  checkData(checkpoint, data);
  putState(checkpoint, { model, optimizer, sparsifier, averages });
  cutting?.restore(checkpoint.cut);
  return checkpoint.step;
}

/** Restores a state into a network, an optimizer, a method and averages of the same kinds. */
export function putState(
  state: TrainedState & Pick<Checkpoint, 'path'>,
  { model, optimizer, sparsifier, averages }: TrainedParts,
): void {
  const { path, draws } = state;
  restoreWeights(state, model);
  const names = layerNames(model);
  for (const gate of gatesOf(model)) {
    const name = names.get(gate)!;
    if (!Number.isSafeInteger(draws[name]))
      throw new UserError(`${path} has no draws of ${name}. Use another checkpoint.`);
    gate.draws = draws[name];
  }
  optimizer.restore(state.optimizer.state);
  if (state.sparsifier) sparsifier?.restore(state.sparsifier.state);
  if (state.averages) averages?.restore(state.averages);
}
