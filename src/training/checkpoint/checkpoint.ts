import { UserError } from '../../errors.js';
import type { SavedTensor } from '../../formats/safetensors.js';
import type { State } from '../../sparsity/sparsifier.js';
import type { Scores } from '../events.js';
import type { Provenance } from '../log/provenance.js';

/** The state that training changes: of the model, the optimizer, the sparsity method and the averages. */
export interface TrainedState {
  /** Every weight of the model by name (layer/weight), including running statistics. */
  weights: Map<string, SavedTensor>;
  /** How many times each gate of the model has drawn noise, by name. */
  draws: Record<string, number>;
  optimizer: { name: string; state: State };
  sparsifier?: { name: string; state: State };
  /** Averages of the weights, if the run keeps them. */
  averages?: State;
  /** The masks of the channels that are cut out in the current epoch, if the run cuts any. */
  cut?: State;
}

/** The contents of a checkpoint. */
export interface CheckpointState extends TrainedState {
  step: number;
  /** The epoch that the next step belongs to, from 0; earlier steps of that epoch are not repeated. */
  epoch: number;
  /** The validation set's scores, if the checkpoint was saved at the end of an epoch. */
  validation?: Scores;
  /** Whether it is too early in its run to be the best one if there are later ones. */
  early?: boolean;
  /** The settings of the run, as JSON. */
  settings: unknown;
  provenance?: Provenance;
}

/** A checkpoint that was read from a folder. */
export interface Checkpoint extends CheckpointState {
  path: string;
}

/** The name of a step's checkpoint, such as step-000120. */
export const checkpointName = (step: number): string => `step-${`${step}`.padStart(6, '0')}`;

/** The files of a checkpoint's folder. */
export const checkpointFiles = {
  weights: 'weights.safetensors',
  state: 'state.safetensors',
  description: 'checkpoint.json',
  /** SHA-256 of the other three, in the format of `sha256sum --check`. */
  sums: 'SHA256SUMS',
} as const;

export const formatName = 'sparsebook checkpoint';
export const formatVersion = 1;

/**
 * Names the first weight or array of the optimizer or the averages with a value that is not finite; undefined if all
 * are finite.
 */
export function notFinite({ weights, optimizer, averages = {} }: TrainedState): string | undefined {
  for (const [name, { values }] of weights) if (!finite(values)) return `the weight ${name}`;
  return notFiniteIn(optimizer.state, `${optimizer.name}'s memory of`) ?? notFiniteIn(averages, 'the');
}

function notFiniteIn(state: State, words: string): string | undefined {
  for (const [name, value] of Object.entries(state)) {
    if (value instanceof Float32Array) {
      if (!finite(value)) return `${words} (${name})`;
    } else if (typeof value === 'object' && value !== null) {
      const found = notFiniteIn(value, `${words} ${name}`);
      if (found) return found;
    }
  }
  return undefined;
}

function finite(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

/** Whether JSON represents a number: it has no NaN and no infinity, and loses the sign of -0. */
const plain = (value: number): boolean => Number.isFinite(value) && !Object.is(value, -0);

/**
 * Puts a state's arrays into `tensors`, each under its JSON pointer below `root` (RFC 6901, such as
 * "/optimizer/conv~1kernel/m"), and returns the rest as JSON, with { "$tensor": pointer } in place of each array and {
 * "$number": text } in place of a number that JSON cannot represent.
 */
export function packState(state: State, root: string, tensors: Map<string, SavedTensor>): Record<string, unknown> {
  const pack = (value: State[string], pointer: string): unknown => {
    if (value instanceof Float32Array) {
      tensors.set(pointer, { shape: [value.length], values: value });
      return { $tensor: pointer };
    }
    if (typeof value === 'number') return plain(value) ? value : { $number: Object.is(value, -0) ? '-0' : `${value}` };
    if (typeof value === 'object' && value !== null) return packState(value, pointer, tensors);
    return value;
  };
  const entries = Object.entries(state).map(([key, value]): [string, unknown] => {
    if (key.startsWith('$')) throw new Error(`a state's names must not start with $; received ${key} in ${root}`);
    return [key, pack(value, `${root}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)];
  });
  return Object.fromEntries(entries);
}

/** Undoes packState. Throws a UserError that names `path` and the tensor if one is missing. */
export function unpackState(packed: unknown, tensors: ReadonlyMap<string, SavedTensor>, path: string): State {
  const unpack = (value: unknown): State[string] => {
    if (typeof value !== 'object' || value === null) return value as State[string];
    const { $tensor: pointer, $number: number } = value as Record<string, unknown>;
    if (number !== undefined) return Number(number);
    if (pointer === undefined) return unpackState(value, tensors, path);
    const found = tensors.get(pointer as string);
    if (!(found?.values instanceof Float32Array)) {
      throw new UserError(`${path} has no tensor ${JSON.stringify(pointer)} of type F32. Take another checkpoint.`);
    }
    return found.values;
  };
  if (typeof packed !== 'object' || packed === null || Array.isArray(packed)) {
    throw new UserError(`${path} belongs to a state that is not an object. Take another checkpoint.`);
  }
  return Object.fromEntries(Object.entries(packed).map(([key, value]) => [key, unpack(value)]));
}
