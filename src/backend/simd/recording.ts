import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { mapInputs, type Inputs, type KernelCall, type Outputs, type Recorder } from './kernelCall.js';
import { PlannedHeap, type Blocks } from './plannedHeap.js';
import type { KernelStep, Place, Recorded, Step } from './program.js';
import type { SimdBackend } from './simdBackend.js';
import type { HeapData } from './tensorData.js';

/**
 * Blocks with the values of constants and with data derived from them, by constant and key; recordings may share them.
 */
export class Constants {
  private readonly known = new Map<HeapData, Map<string, number>>();

  constructor(private readonly heap: Blocks) {}

  /** Returns the block for a key; `make` fills it the first time. */
  block(data: HeapData, key: string, bytes: number, make: (block: number) => void): number {
    const blocks = this.known.get(data) ?? new Map<string, number>();
    this.known.set(data, blocks);
    const block = blocks.get(key) ?? this.heap.allocate(bytes);
    if (!blocks.has(key)) make(block);
    blocks.set(key, block);
    return block;
  }

  dispose(): void {
    for (const blocks of this.known.values()) for (const block of blocks.values()) this.heap.free(block);
  }
}

const tensorsOf = (inputs: Inputs): tf.TensorInfo[] =>
  Object.values(inputs).filter((tensor: tf.TensorInfo | undefined) => tensor);

/**
 * Records a computation of the backend, to repeat it for other inputs: kernel jobs on blocks that stay in place and,
 * where no fast kernel applies, calls of the cpu backend's kernels.
 *
 * Tensors that depend on the inputs are followed: every result of a kernel that is given a followed tensor is followed
 * too. All other tensors are constants, which are computed now and copied.
 */
export class Recording implements Recorder {
  /** Where the computation is, for messages. */
  layer = '';
  readonly heap: PlannedHeap;
  private readonly steps: Step[] = [];
  private readonly followed = new Map<HeapData, { dataId: object; layer: string }>();
  /** The tensor that replaces each tensor at every pass. */
  private readonly slots = new Map<HeapData, tf.TensorInfo>();
  /** The nesting depth of kernel calls: kernels may call other kernels. */
  private depth = 0;

  private constructor(
    private readonly backend: SimdBackend,
    private readonly constants: Constants,
    private readonly before = backend.heap,
    private readonly pool = backend.pool,
  ) {
    this.heap = new PlannedHeap(before);
    const again = <T>(job: KernelStep, step: () => T): T => {
      if (this.heap.planning) this.steps.push({ again: step, job });
      return step();
    };
    const kernels = Object.entries(pool.kernels).map(
      ([name, kernel]) => [name, (...args: number[]) => again({ name, args }, () => kernel(...args))] as const,
    );
    backend.heap = this.heap;
    backend.pool = {
      threads: pool.threads,
      // Tables of offsets depend on shapes alone and stay in place: no pass needs to make them again.
      kernels: { ...Object.fromEntries(kernels), pixelOffsets: pool.kernels.pixelOffsets },
      run: (name, items, args, options) =>
        again({ name, items, args, options }, () => pool.run(name, items, args, options)),
      close: () => pool.close(),
    };
    backend.recording = this;
  }

  /**
   * Records how `compute` computes its outputs from inputs of given shapes; it is called once, with zeros, and sets
   * `recording.layer` to where it is. Data derived from constants is kept in `constants`, which the caller disposes
   * after the recorded computation.
   *
   * Throws a UserError if `compute` reads values that depend on the inputs, keeps a tensor that does, or computes
   * strings or complex numbers from them.
   */
  static record(
    backend: SimdBackend,
    inputs: readonly Pick<tf.TensorInfo, 'shape' | 'dtype'>[],
    compute: (inputs: tf.Tensor[], recording: Recording) => tf.Tensor[],
    constants: Constants,
  ): Recorded {
    const recording = new Recording(backend, constants);
    const tensors: tf.Tensor[] = [];
    try {
      for (const { shape, dtype } of inputs) tensors.push(tf.zeros(shape, dtype));
      const places = tensors.map((tensor) => recording.follow(tensor));
      tensors.push(...tf.tidy(() => compute(tensors, recording)));
      const outputs = tensors.slice(inputs.length).map((tensor) => recording.slot(tensor));
      tf.dispose(tensors);
      recording.checkNothingKept();
      return {
        inputs: places.map((slot) => recording.placeOf(slot)),
        outputs: outputs.map((slot) => recording.placeOf(slot)),
        steps: recording.steps,
        dispose: () => recording.dispose(),
      };
    } catch (error) {
      tf.dispose(tensors);
      recording.dispose();
      throw error;
    } finally {
      backend.heap = recording.before;
      backend.pool = recording.pool;
      backend.recording = undefined;
    }
  }

  compute(call: KernelCall): Outputs {
    const { inputs } = call;
    const followed = tensorsOf(inputs).some((tensor) => this.followed.has(this.backend.dataOf(tensor)));
    this.depth++;
    try {
      if (!followed) return this.within(false, () => call.fast() ?? call.plain(inputs));
      return this.within(true, () => call.fast()) ?? this.computePlain(call);
    } finally {
      this.depth--;
    }
  }

  isConstant(data: HeapData): boolean {
    return this.heap.planning && !this.followed.has(data);
  }

  constant(data: HeapData, key: string, bytes: number, make: (block: number) => void): number {
    return this.within(false, () => this.constants.block(data, key, bytes, make));
  }

  made(tensor: tf.TensorInfo): void {
    if (this.heap.planning) this.followed.set(this.backend.dataOf(tensor), { ...tensor, layer: this.layer });
  }

  settle<T>(data: HeapData, work: () => T): T {
    return this.within(this.followed.has(data), work);
  }

  reads(data: HeapData): void {
    if (this.depth > 0 || !this.followed.has(data)) return;
    throw new UserError(
      `${this.layer} reads values that depend on the input in its call, which a plan cannot repeat. ` +
        `Compute with tensors only, or use model.predict.`,
    );
  }

  private within<T>(planning: boolean, work: () => T): T {
    const before = this.heap.planning;
    this.heap.planning = planning;
    try {
      return work();
    } finally {
      this.heap.planning = before;
    }
  }

  /** Marks a tensor as depending on the inputs, and gives it a slot. */
  private follow(tensor: tf.TensorInfo): tf.TensorInfo {
    this.within(true, () => this.made(tensor));
    return this.slot(tensor);
  }

  /**
   * Runs a kernel of the cpu backend, and records it as a step. No step is needed if the result only shares an input's
   * values in another shape; a result that shares them as another dtype, as the cpu backend's casts do, gets its own
   * values.
   */
  private computePlain(call: KernelCall): Outputs {
    const { name, inputs } = call;
    const given = new Map(tensorsOf(inputs).map((tensor) => [this.backend.dataOf(tensor), tensor.dtype]));
    const own = (tensor: tf.TensorInfo): tf.TensorInfo => {
      const data = this.backend.dataOf(tensor);
      const { shape, dtype } = tensor;
      if ((given.get(data) ?? dtype) === dtype) return tensor;
      const values = tf.util.getArrayFromDType(dtype, tf.util.sizeFromShape(shape)) as Float32Array;
      values.set(data.values as Float32Array);
      this.backend.disposeData(tensor.dataId);
      return { dataId: this.backend.write(values, shape, dtype), shape, dtype };
    };
    const made = this.within(true, () => {
      const outputs = call.plain(inputs);
      return Array.isArray(outputs) ? outputs.map(own) : own(outputs);
    });
    const fresh = [made].flat().map((tensor) => !given.has(this.backend.dataOf(tensor)));
    if (!fresh.includes(true)) return made;
    const slots = mapInputs(inputs, (tensor) => this.slot(tensor));
    const places = [made].flat().map((tensor, i) => (fresh[i] ? this.placeOf(this.follow(tensor)) : undefined));
    const { layer } = this;
    const again = (): void => {
      for (const [i, { dataId, shape }] of [call.plain(slots)].flat().entries()) {
        if (String(shape) !== String(places[i]?.shape ?? shape)) {
          throw new UserError(`${layer}: the shape of what ${name} gives depends on values. Use model.predict.`);
        }
        places[i]?.write(this.backend.dataOf({ dataId }).values!);
        this.backend.disposeData(dataId);
      }
    };
    this.steps.push({ again });
    return made;
  }

  /** Returns the tensor that holds, at every pass, the values which this one has now. */
  private slot(tensor: tf.TensorInfo): tf.TensorInfo {
    const { shape, dtype } = tensor;
    const data = this.backend.dataOf(tensor);
    const known = this.slots.get(data);
    if (known) return { ...known, shape };
    if (dtype === 'string' || dtype === 'complex64') {
      throw new UserError(`${this.layer} computes with ${dtype} tensors, which a plan cannot. Use model.predict.`);
    }
    const slot = { dataId: this.backend.write(new Float32Array(0), [0], dtype), shape, dtype };
    const kept = this.backend.dataOf(slot);
    if (dtype === 'float32') {
      kept.pointer = this.within(true, () => this.backend.pointer(tensor));
      kept.values = this.before.floats(kept.pointer, tf.util.sizeFromShape(shape));
    } else kept.values = (data.values as Int32Array).slice();
    this.slots.set(data, slot);
    return slot;
  }

  private placeOf(slot: tf.TensorInfo): Place {
    const { shape, dtype } = slot;
    const data = this.backend.dataOf(slot);
    const values = data.values as Float32Array;
    return {
      shape,
      dtype,
      read: () => data.values!,
      write: (given) => {
        if (dtype === 'float32') values.set(given as Float32Array);
        else data.values = given;
      },
    };
  }

  private checkNothingKept(): void {
    for (const [data, { dataId, layer }] of [...this.followed].reverse()) {
      if (!this.backend.holds(dataId)) continue;
      void data.values; // do deferred work now: later its blocks are freed
      throw new UserError(`${layer} keeps a tensor that depends on the input; a plan keeps none. Use model.predict.`);
    }
  }

  private dispose(): void {
    for (const { dataId } of this.slots.values()) {
      this.backend.dataOf({ dataId }).pointer = undefined; // the block belongs to the plan
      this.backend.disposeData(dataId);
    }
    this.heap.dispose();
  }
}
