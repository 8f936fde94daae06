import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { check, number } from '../rules.js';
import type { State } from '../sparsity/sparsifier.js';

/** One variable's share in a step. */
export interface Update {
  /** Name of the variable in saved states: layer/weight, the same in every copy of the model. */
  key: string;
  variable: tf.Variable;
  /** The caller disposes it. */
  gradient: tf.Tensor;
  /** Learning rate of this variable at this step. */
  lr: number;
}

/** A rule for changing variables by their gradients, with a memory for each variable. */
export interface Optimizer {
  readonly name: string;
  /** Base learning rate, before the schedule. */
  readonly lr: number;
  /** Whether weight decay enters the remembered gradients, as in SGD with momentum, but not in AdamW. */
  readonly remembersDecay: boolean;
  /** Changes every variable of the updates in place. */
  step(updates: Update[]): void;
  /** A copy of the memory: what a checkpoint saves. */
  state(): State;
  /** Replaces the memory by a saved one. */
  restore(state: State): void;
  dispose(): void;
}

/** The tensors that an optimizer remembers for a variable, and the number of steps it has made with it. */
export interface Slot {
  step: number;
  tensors: Record<string, tf.Tensor>;
}

/** Options of every optimizer with a memory. */
export interface SlotOptimizerOptions {
  lr?: number;
  weight_decay?: number;
  /**
   * Whether weight decay acts on a variable, by its key. Default: on all. `kernelsOnly` exempts norms, biases and
   * gates.
   */
  decays?: (key: string) => boolean;
}

/**
 * An optimizer whose memory has, for each variable, a step count and tensors of the variable's shape, initially zero.
 */
export abstract class SlotOptimizer implements Optimizer {
  abstract readonly name: string;
  readonly lr: number;
  protected readonly weightDecay: number;
  private readonly decays: (key: string) => boolean;
  private readonly slots = new Map<string, Slot>();
  /** Restored values of variables that have not been updated yet, so that their shapes are unknown. */
  private waiting: State = {};

  /** `names` are the tensors of each slot, e.g. ['m', 'v']. Throws a UserError for a rate or a decay below 0. */
  constructor(
    private readonly names: readonly string[],
    { lr, weight_decay, decays = () => true }: SlotOptimizerOptions & { lr: number; weight_decay: number },
  ) {
    for (const [name, value] of Object.entries({ lr, weight_decay })) check(name, value, number({ min: 0 }));
    this.lr = lr;
    this.weightDecay = weight_decay;
    this.decays = decays;
  }

  step(updates: Update[]): void {
    for (const update of updates) tf.tidy(() => this.update(update));
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

  abstract get remembersDecay(): boolean;

  protected abstract update(update: Update): void;

  /** The weight decay of a variable. */
  protected decayOf({ key }: Update): number {
    return this.decays(key) ? this.weightDecay : 0;
  }

  /**
   * Returns a variable's slot after incrementing its step count. Throws a UserError if its tensors have another shape.
   */
  protected slotOf({ key, variable }: Update): Slot {
    const slot = this.slots.get(key) ?? this.newSlot(key, variable);
    for (const { shape } of Object.values(slot.tensors)) {
      if (shape.join() === variable.shape.join()) continue;
      throw new UserError(
        `The optimizer must have a memory of the network that is trained; of ${key} it remembers ${shape.join('x')} values, ` +
          `there are ${variable.shape.join('x')}: it has trained another network. Make a new optimizer.`,
      );
    }
    slot.step++;
    return slot;
  }

  private newSlot(key: string, variable: tf.Variable): Slot {
    const saved = this.waiting[key] as State | undefined;
    const start = (name: string): tf.Tensor => {
      const values = saved ? (saved[name] as Float32Array | undefined) : new Float32Array(variable.size);
      if (values?.length !== variable.size) {
        throw new UserError(
          `The saved optimizer must have ${variable.size} values ${name} for ${key}; received ${values?.length ?? 'none'}: it belongs to another network.`,
        );
      }
      return tf.keep(tf.tensor(values.slice(), variable.shape));
    };
    const tensors = Object.fromEntries(this.names.map((name) => [name, start(name)]));
    const slot: Slot = { step: (saved?.step as number | undefined) ?? 0, tensors };
    this.slots.set(key, slot);
    return slot;
  }
}

/** Replaces tensors of a slot with new ones, and disposes the old ones. */
export function replace(slot: Slot, tensors: Record<string, tf.Tensor>): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    slot.tensors[name].dispose();
    slot.tensors[name] = tf.keep(tensor);
  }
}

/**
 * Makes sure that no other tensor shares a variable's values, before they are changed in place: in tfjs clones and
 * assigned tensors share them, and a copy of the best weights so far must not change.
 */
export function ownValues(variable: tf.Variable): void {
  if (tf.backend().refCount(variable.dataId) < 2) return;
  tf.tidy(() => variable.assign(variable.mul(1)));
}
