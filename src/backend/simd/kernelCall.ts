import type * as tf from '@tensorflow/tfjs';
import type { PlannedHeap } from './plannedHeap.js';
import type { HeapData } from './tensorData.js';

export type Inputs = Record<string, tf.TensorInfo>;
export type Outputs = tf.TensorInfo | tf.TensorInfo[];

/** Other tensors in the place of a kernel's inputs, which come by name or in a list; what tfjs leaves out stays out. */
export function mapInputs(inputs: Inputs, map: (tensor: tf.TensorInfo) => tf.TensorInfo): Inputs {
  if (Array.isArray(inputs)) return inputs.map(map) as unknown as Inputs;
  const entries: [string, tf.TensorInfo | undefined][] = Object.entries(inputs);
  return Object.fromEntries(entries.map(([name, tensor]) => [name, tensor && map(tensor)])) as Inputs;
}

/** A kernel that tfjs calls: the fast one, which may not apply, and the one that applies to all inputs. */
export interface KernelCall {
  name: string;
  inputs: Inputs;
  fast(): Outputs | undefined;
  plain(inputs: Inputs): Outputs;
}

/** What the backend asks and tells while its computation is recorded: see Recording. */
export interface Recorder {
  readonly heap: PlannedHeap;
  /** Computes a kernel; as a part of the recording if it depends on the inputs. */
  compute(call: KernelCall): Outputs;
  /** Whether the recording needs a tensor that does not depend on the inputs. */
  isConstant(data: HeapData): boolean;
  /** A block that `make` fills with a constant, or with something made of it, by a key; made once. */
  constant(data: HeapData, key: string, bytes: number, make: (block: number) => void): number;
  /** Called for each tensor that a fast kernel makes. */
  made(tensor: tf.TensorInfo): void;
  /** Does the work that was put off for a tensor, as a part of the recording if the tensor depends on the inputs. */
  settle<T>(data: HeapData, work: () => T): T;
  /** Called before a tensor's values are read. */
  reads(data: HeapData): void;
}
