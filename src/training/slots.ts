import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import type { State } from '../sparsity/sparsifier.js';

/** The tensors an optimizer remembers of one variable, and how many steps it has made with it. */
export interface Slot {
  step: number;
  tensors: Record<string, tf.Tensor>;
}

/** An optimizer's memory: for each variable a step count and tensors of the variable's shape, zero at first. */
export class Slots {
  private readonly slots = new Map<string, Slot>();
  /** Restored values whose variable has not come by yet, so that its shape is unknown. */
  private waiting: State = {};

  /** `names` are the tensors of each slot, e.g. ['m', 'v']. */
  constructor(private readonly names: readonly string[]) {}

  /** The slot of a variable. */
  of(key: string, variable: tf.Variable): Slot {
    const known = this.slots.get(key);
    if (known) return known;
    const saved = this.waiting[key] as State | undefined;
    const start = (name: string): tf.Tensor => {
      const values = saved ? (saved[name] as Float32Array | undefined) : new Float32Array(variable.size);
      if (values?.length !== variable.size) {
        throw new UserError(
          `The saved optimizer needs ${variable.size} values ${name} for ${key}, got ${values?.length ?? 'none'}: it belongs to another network.`,
        );
      }
      return tf.keep(tf.tensor(values.slice(), variable.shape));
    };
    const tensors = Object.fromEntries(this.names.map((name) => [name, start(name)]));
    const slot: Slot = { step: (saved?.step as number | undefined) ?? 0, tensors };
    this.slots.set(key, slot);
    return slot;
  }

  state(): State {
    const copy = ({ step, tensors }: Slot): State => ({
      step,
      ...Object.fromEntries(
        Object.entries(tensors).map(([name, t]) => [name, t.dataSync<'float32'>().slice()] as const),
      ),
    });
    return { ...this.waiting, ...Object.fromEntries([...this.slots].map(([key, slot]) => [key, copy(slot)])) };
  }

  restore(state: State): void {
    this.dispose();
    this.waiting = { ...state };
  }

  dispose(): void {
    for (const { tensors } of this.slots.values()) tf.dispose(tensors);
    this.slots.clear();
    this.waiting = {};
  }
}

/** Puts new tensors in a slot in place of the old, which are disposed. */
export function replace(slot: Slot, tensors: Record<string, tf.Tensor>): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    slot.tensors[name].dispose();
    slot.tensors[name] = tf.keep(tensor);
  }
}

/**
 * Makes sure that no other tensor shares a variable's values, before they are changed in place: tfjs lets clones and
 * assigned tensors share them, and a copy of the best weights so far must stay what it is.
 */
export function ownValues(variable: tf.Variable): void {
  if (tf.backend().refCount(variable.dataId) < 2) return;
  tf.tidy(() => variable.assign(variable.mul(1)));
}
