import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs';
import { Heap } from './heap.js';
import type { RunOptions } from './job.js';
import type { KernelCall, Outputs, Recorder } from './kernelCall.js';
import type { Blocks } from './plannedHeap.js';
import type { Passing } from './passing.js';
import { Pool, type Jobs } from './pool.js';
import type { Deferred, HeapData, Values } from './tensorData.js';
import type { Variant } from './wasm.js';

type DataId = ReturnType<MathBackendCPU['write']>;

/** The part of tfjs's state that says which backend holds a tensor's values. */
interface EngineState {
  tensorInfo: WeakMap<DataId, { backend: tf.KernelBackend }>;
}

/** The share of a core's cache that one tensor may take, while three to five tensors are in use. */
const CACHED_BYTES = 160 * 1024;

/** The fewest pixels that are worth reading a filter for: the filter can be larger than the pixels. */
const fewestPixels = (channels: number): number => (channels < 256 ? 128 : 256);

/**
 * A tfjs backend for plain CPUs: everything the `cpu` backend can do, with the important kernels replaced by SIMD
 * kernels that run on all cores. Its float tensors lie on one shared heap; values made elsewhere are moved there when a
 * fast kernel first needs them.
 */
export class SimdBackend extends MathBackendCPU {
  heap: Blocks;
  pool: Jobs;
  /** Records what is computed, to repeat it; until it is done, it provides the heap and the pool. */
  recording?: Recorder;
  /** `ZEROS` floats that are always 0: the bias of a convolution that has none. */
  readonly zeros: number;
  /** Pixels in a register tile of this variant: accumulators of filter gradients are padded to a multiple of it. */
  readonly rows: number;
  static readonly ZEROS = 65536;
  /** Whether convolutions may go through Winograd's transforms. */
  winograd = true;

  private readonly waiting = new Set<HeapData>();
  /** The tensors that the current kernel has made so far. */
  private unfinished?: DataId[];
  /** How often values have changed in place. */
  private changes = 0;
  private named = 0;

  constructor(
    readonly variant: Variant,
    threads: number,
  ) {
    super();
    (this as unknown as { firstUse: boolean }).firstUse = false; // otherwise the first tensor prints an advertisement
    this.rows = variant === 'plain' ? 5 : 6;
    const heap = new Heap();
    this.heap = heap;
    this.pool = new Pool(heap, variant, threads, CACHED_BYTES);
    this.zeros = this.heap.allocate(SimdBackend.ZEROS * 4);
  }

  /** Returns the address of a float tensor's values, moved to the heap if they are not there yet. */
  pointer(tensor: tf.TensorInfo): number {
    const data = this.dataOf(tensor);
    if (this.recording?.isConstant(data)) {
      const n = tf.util.sizeFromShape(tensor.shape);
      return this.recording.constant(data, 'values', n * 4, (block) =>
        this.heap.floats(block, n).set(data.values as Float32Array),
      );
    }
    if (data.deferred) this.settle(data);
    if (data.pointer === undefined) {
      const values = data.values as Float32Array;
      const pointer = this.allocate(values.length);
      const view = this.heap.floats(pointer, values.length);
      view.set(values);
      data.values = view;
      data.pointer = pointer;
    }
    return data.pointer;
  }

  /** Returns the address of an optional tensor, or 0, which kernels read as "none". */
  pointerOrNull(tensor: tf.TensorInfo | undefined): number {
    return tensor === undefined ? 0 : this.pointer(tensor);
  }

  /**
   * The same for kernels of `together` that only need the images that they are working on: repeatable work is then done
   * for those few images, and its tensor need never be in memory.
   */
  passing(tensor: tf.TensorInfo): number {
    const data = this.dataOf(tensor);
    const { deferred, size = 0, row = 1 } = data;
    if (!deferred?.repeatable || !(this.pool instanceof Pool)) return this.pointer(tensor);
    const [images] = tensor.shape;
    const passing: Passing = {
      imageBytes: (4 * size) / images,
      write: (to) => deferred.write?.(to, row),
      settle: () => this.pointer(tensor),
    };
    return this.pool.passing(data, images, passing) ?? this.pointer(tensor);
  }

  /** Returns a new float tensor on the heap whose values are not written yet. */
  output(shape: readonly number[]): tf.TensorInfo {
    const n = tf.util.sizeFromShape(shape as number[]);
    const pointer = this.allocate(n);
    const dataId = super.write(this.heap.floats(pointer, n), shape as number[], 'float32');
    this.dataOf({ dataId }).pointer = pointer;
    this.unfinished?.push(dataId);
    const tensor: tf.TensorInfo = { dataId, shape: shape as number[], dtype: 'float32' };
    this.recording?.made(tensor);
    return tensor;
  }

  /** Returns a tensor whose values are computed when needed. Throws at once if there is no memory for them. */
  defer(shape: readonly number[], deferred: Deferred): tf.TensorInfo {
    this.heap.check(tf.util.sizeFromShape(shape as number[]) * 4);
    const dataId = super.write(new Float32Array(0), shape as number[], 'float32');
    for (const { dataId } of deferred.reads) this.incRef(dataId);
    const data = this.dataOf({ dataId });
    data.deferred = deferred;
    data.size = tf.util.sizeFromShape(shape as number[]);
    data.row = shape[shape.length - 1];
    // The cpu backend's kernels read this field.
    Object.defineProperty(data, 'values', { configurable: true, get: () => this.settle(data) });
    this.waiting.add(data);
    this.unfinished?.push(dataId);
    const tensor: tf.TensorInfo = { dataId, shape: shape as number[], dtype: 'float32' };
    this.recording?.made(tensor);
    return tensor;
  }

  /** The deferred work of a tensor if it still computes the tensor's pixels: a reshaped tensor may have others. */
  deferred(tensor: tf.TensorInfo): Deferred | undefined {
    return this.dataOf(tensor).row === tensor.shape.at(-1) ? this.deferredValues(tensor) : undefined;
  }

  /** The same for callers to whom the tensor's shape does not matter. */
  deferredValues(tensor: tf.TensorInfo): Deferred | undefined {
    const data = this.dataOf(tensor);
    return this.recording?.isConstant(data) ? undefined : data.deferred;
  }

  /**
   * Returns a block that `make` fills with data derived from a tensor's values, kept until the tensor is disposed. The
   * last block is returned again if the key is the same and no value has changed in place since.
   */
  derived(tensor: tf.TensorInfo, key: string, bytes: number, make: (block: number) => void): number {
    const data = this.dataOf(tensor);
    const full = `${key} ${bytes} ${this.changes}`;
    if (this.recording?.isConstant(data)) return this.recording.constant(data, full, bytes, make);
    if (data.derived?.key === full) return data.derived.block;
    if (data.derived) this.heap.free(data.derived.block);
    data.derived = undefined;
    const block = this.filled(this.heap.allocate(bytes), make);
    data.derived = { key: full, block };
    return block;
  }

  /** Names of tensors' values, for keys: other values have another name. */
  names(...tensors: (tf.TensorInfo | undefined)[]): string {
    const name = (data: HeapData): number => (data.name ??= ++this.named);
    return tensors.map((tensor) => (tensor ? name(this.dataOf(tensor)) : 0)).join();
  }

  /** Calls `use` once the kernels that `together` deferred have run. */
  after(use: () => void): void {
    if (this.pool instanceof Pool) this.pool.after(use);
    else use();
  }

  /** Does all deferred work; called before values that the work may read change in place. */
  settleAll(): void {
    this.changes++;
    for (const data of [...this.waiting]) this.settle(data);
  }

  /** Calls `use` with a temporary block. */
  withBlock<T>(bytes: number, use: (pointer: number) => T): T {
    const pointer = this.heap.allocate(bytes);
    try {
      return use(pointer);
    } finally {
      this.heap.free(pointer);
    }
  }

  /** Computes a kernel for tfjs, the fast way if there is one. If it throws, everything that it made is disposed. */
  compute(call: KernelCall): Outputs {
    const outer = this.unfinished;
    const made: DataId[] = (this.unfinished = []);
    try {
      return this.recording ? this.recording.compute(call) : (call.fast() ?? call.plain(call.inputs));
    } catch (error) {
      for (const dataId of made) this.disposeData(dataId);
      throw error;
    } finally {
      this.unfinished = outer;
    }
  }

  /**
   * Calls `use` and runs its kernels on a few images of x at a time, as many as a core's cache holds along with their
   * results: see Pool.together.
   */
  together<T>({ shape }: tf.TensorInfo, use: () => T): T {
    if (!(this.pool instanceof Pool) || shape.length < 3) return use();
    const [pixels, channels] = [tf.util.sizeFromShape(shape.slice(1, -1)), shape.at(-1)!];
    const least = Math.ceil(fewestPixels(channels) / pixels);
    const imageBytes = 4 * pixels * channels;
    return this.pool.together(shape[0], Math.max(least, Math.floor(CACHED_BYTES / imageBytes)), use, least);
  }

  /** Runs a kernel on all threads: see Pool.run. */
  run(kernel: string, items: number, args: readonly number[], options?: RunOptions): void {
    this.pool.run(kernel, items, args, options);
  }

  override write(values: Values, shape: number[], dtype: tf.DataType): DataId {
    // Some cpu kernels return a part of their input's array; blocks of the heap are reused, so it must be copied.
    const aliases = values instanceof Float32Array && values.buffer === this.heap.memory.buffer;
    return super.write(aliases ? values.slice() : values, shape, dtype);
  }

  override readSync(dataId: DataId): Values {
    const data = this.dataOf({ dataId });
    this.recording?.reads(data);
    if (data.deferred) this.settle(data);
    return data.pointer === undefined ? super.readSync(dataId) : (data.values as Float32Array).slice();
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const data = this.data.has(dataId) ? this.dataOf({ dataId }) : undefined;
    const gone = super.disposeData(dataId, force);
    if (gone && data?.pointer !== undefined) this.heap.free(data.pointer);
    if (gone && data?.companion !== undefined) this.heap.free(data.companion);
    if (gone && data?.derived) this.heap.free(data.derived.block);
    if (gone && data?.deferred) this.release(data, data.deferred);
    return gone;
  }

  /** Allocates a block for the values of a tensor. */
  allocate(n: number): number {
    return this.recording ? this.recording.heap.allocateTensor(n * 4) : this.heap.allocate(n * 4);
  }

  /** Fills a block and returns it; if `fill` throws, the block is freed. */
  private filled(block: number, fill: (block: number) => void): number {
    try {
      fill(block);
      return block;
    } catch (error) {
      this.heap.free(block);
      throw error;
    }
  }

  private settle(data: HeapData): Float32Array {
    const { deferred, size = 0, row = 1 } = data;
    if (deferred === undefined) return data.values as Float32Array;
    const work = (): number =>
      deferred.make?.() ?? this.filled(this.allocate(size), (pointer) => deferred.write?.(pointer, row));
    const pointer = this.recording ? this.recording.settle(data, work) : work();
    const values = this.heap.floats(pointer, size);
    data.pointer = pointer;
    Object.defineProperty(data, 'values', { configurable: true, writable: true, value: values });
    this.release(data, deferred);
    return values;
  }

  private release(data: HeapData, { reads, block }: Deferred): void {
    data.deferred = undefined;
    this.waiting.delete(data);
    if (block !== undefined) this.heap.free(block);
    this.letGo(reads);
  }

  /** Releases tensors that deferred work held, in the backend that has them by now. */
  letGo(tensors: readonly tf.TensorInfo[]): void {
    const { tensorInfo } = (tf.engine() as unknown as { state: EngineState }).state;
    for (const { dataId } of tensors) {
      const { backend } = tensorInfo.get(dataId) ?? { backend: this };
      // tfjs counts buffers: tell it if this work was the last holder of one.
      if (backend.disposeData(dataId)) tf.engine().removeDataId(dataId, backend);
    }
  }

  /** Whether a tensor's values are still in use. */
  holds(dataId: DataId): boolean {
    return this.data.has(dataId);
  }

  /** What the backend knows of a tensor. */
  dataOf({ dataId }: Pick<tf.TensorInfo, 'dataId'>): HeapData {
    return this.data.get(dataId);
  }
}
