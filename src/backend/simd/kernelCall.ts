import type * as tf from '@tensorflow/tfjs';
import type { PlannedHeap } from './plannedHeap.js';
import type { HeapData } from './tensorData.js';

export type Inputs = Record<string, tf.TensorInfo>;
export type Outputs = tf.TensorInfo | tf.TensorInfo[];

/** Maps a kernel's inputs, which come by name or in a list; inputs that tfjs leaves out stay left out. */
export function mapInputs(inputs: Inputs, map: (tensor: tf.TensorInfo) => tf.TensorInfo): Inputs {
  if (Array.isArray(inputs)) return inputs.map(map) as unknown as Inputs;
  const entries: [string, tf.TensorInfo | undefined][] = Object.entries(inputs);
  return Object.fromEntries(entries.map(([name, tensor]) => [name, tensor && map(tensor)])) as Inputs;
}

/** A kernel call of tfjs: `fast` may not apply, `plain` applies to all inputs. */
export interface KernelCall {
  name: string;
  inputs: Inputs;
  fast(): Outputs | undefined;
  plain(inputs: Inputs): Outputs;
}

/** The backend's interface to whatever records its computation: see Recording. */
export interface Recorder {
  readonly heap: PlannedHeap;
  /** Computes a kernel; records it if it depends on the inputs. */
  compute(call: KernelCall): Outputs;
  /** Whether the recording needs a tensor that does not depend on the inputs. */
  isConstant(data: HeapData): boolean;
  /** Returns a block that `make` fills with a constant, or with something derived from it; made once per key. */
  constant(data: HeapData, key: string, bytes: number, make: (block: number) => void): number;
  /** Called for each tensor that a fast kernel creates. */
  made(tensor: tf.TensorInfo): void;
  /** Does the deferred work of a tensor; records it if the tensor depends on the inputs. */
  settle<T>(data: HeapData, work: () => T): T;
  /** Called before a tensor's values are read. */
  reads(data: HeapData): void;
}
