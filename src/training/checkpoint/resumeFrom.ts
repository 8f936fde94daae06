import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { gatesOf } from '../../graph/gates.js';
import { layerNames, namedWeights } from '../../graph/names.js';
import type { Provenance } from '../log/provenance.js';
import type { Checkpoint } from './checkpoint.js';
import type { TrainedParts } from './takeState.js';

/**
 * Gives a model the weights of a checkpoint, running statistics among them. Throws a UserError that names the checkpoint
 * and the first tensor that does not fit; nothing has been changed then.
 */
export function restoreWeights({ path, weights }: Pick<Checkpoint, 'path' | 'weights'>, model: tf.LayersModel): void {
  const refuse = (reason: string): UserError =>
    new UserError(`The checkpoint ${path} is of another network than ${model.name}: ${reason}.`);
  const wanted = namedWeights(model);
  const extra = [...weights.keys()].find((name) => !wanted.has(name));
  for (const [name, { shape }] of wanted) {
    const saved = weights.get(name);
    if (!saved) throw refuse(`it has no tensor ${name}${extra ? `, but has ${extra}` : ''}`);
    if (saved.shape.join() !== shape.join()) {
      throw refuse(`its tensor ${name} has the shape [${saved.shape.join(', ')}], not [${shape.join(', ')}]`);
    }
  }
  if (extra) throw refuse(`it also has a tensor ${extra}`);
  for (const [name, weight] of wanted) {
    const { values, shape } = weights.get(name)!;
    tf.tidy(() => void weight.write(tf.tensor(values, shape, weight.dtype)));
  }
}

/** Refuses other images than those that the saved run was trained on, as far as both are known. */
function checkData({ path, provenance }: Checkpoint, data: Provenance['data']): void {
  const saved = provenance?.data;
  if (!saved || !data || (saved.hash === data.hash && saved.splitHash === data.splitHash)) return;
  throw new UserError(
    `The checkpoint ${path} is of training on ${saved.name} (${saved.hash}, split ${saved.splitHash}), and cannot go on ` +
      `with ${data.name} (${data.hash}, split ${data.splitHash}). Start a new run from its weights instead.`,
  );
}

/**
 * Puts a checkpoint's weights and memories into a new model, optimizer and sparsity method, built with the same
 * settings, and returns the `startStep` with which `train` makes the very steps that the saved run would have made next.
 * Throws a UserError for parts of another kind than the saved ones, and for other images if `data` says which there are.
 */
export function resumeFrom(
  checkpoint: Checkpoint,
  { model, optimizer, sparsifier, averages }: TrainedParts,
  data?: Provenance['data'],
): number {
  const { path, draws } = checkpoint;
  const [savedMethod, method] = [checkpoint.sparsifier?.name ?? 'no sparsity method', sparsifier?.name];
  if (checkpoint.optimizer.name !== optimizer.name) {
    throw new UserError(
      `The checkpoint ${path} is of training with ${checkpoint.optimizer.name}, and cannot go on with ${optimizer.name}.`,
    );
  }
  if (savedMethod !== (method ?? 'no sparsity method')) {
    throw new UserError(
      `The checkpoint ${path} is of training with ${savedMethod}, and cannot go on with ${method ?? 'none'}. ` +
        'Start a new run from its weights instead.',
    );
  }
  if ((checkpoint.averages === undefined) !== (averages === undefined)) {
    const [saved, now] = averages ? ['does not keep', 'keeps'] : ['keeps', 'does not keep'];
    throw new UserError(
      `The run of the checkpoint ${path} ${saved} averages of the weights, and this one ${now} them.`,
    );
  }
  checkData(checkpoint, data);
  restoreWeights(checkpoint, model);
  const names = layerNames(model);
  for (const gate of gatesOf(model)) {
    const name = names.get(gate)!;
    if (!Number.isSafeInteger(draws[name])) throw new UserError(`The checkpoint ${path} has no draws of ${name}.`);
    gate.draws = draws[name];
  }
  optimizer.restore(checkpoint.optimizer.state);
  if (checkpoint.sparsifier) sparsifier?.restore(checkpoint.sparsifier.state);
  if (checkpoint.averages) averages?.restore(checkpoint.averages);
  return checkpoint.step;
}
