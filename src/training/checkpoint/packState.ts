import { UserError } from '../../errors.js';
import type { State } from '../../sparsity/sparsifier.js';
import type { SavedTensor } from '../../formats/safetensors.js';

/** A state as JSON can hold it: arrays and numbers that JSON has no word for are replaced by a note of what they were. */
export type PackedState = Record<string, unknown>;

/** JSON has no NaN and no infinity, and forgets the sign of -0. */
const plain = (value: number): boolean => Number.isFinite(value) && !Object.is(value, -0);

/**
 * Puts a state's arrays into `tensors`, each under its JSON pointer below `root` (RFC 6901, such as
 * "/optimizer/conv~1kernel/m"), and returns the rest, with { "$tensor": pointer } in their places.
 */
export function packState(state: State, root: string, tensors: Map<string, SavedTensor>): PackedState {
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
    if (key.startsWith('$')) throw new Error(`a state's names do not start with $, got ${key} in ${root}`);
    return [key, pack(value, `${root}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)];
  });
  return Object.fromEntries(entries);
}

/** Undoes packState. `path` is for messages: throws a UserError that names it and the tensor that is not there. */
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
