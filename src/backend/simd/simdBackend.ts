import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs';
import { Heap } from './heap.js';
import { Pool, type RunOptions } from './pool.js';
import { compile, type Variant } from './wasm.js';

type Values = tf.backend_util.BackendValues;
type DataId = ReturnType<MathBackendCPU['write']>;

/** What the backend knows of a tensor: its values and, if they lie on the heap, where. */
interface HeapData {
  values?: Values;
  pointer?: number;
  /** A block that lives and dies with the tensor: what its kernel wants to remember for the gradient. */
  companion?: number;
  /** Whether the values of each channel are known to add up to zero. */
  balanced?: boolean;
}

/**
 * A tfjs backend for plain CPUs: everything the `cpu` backend can do, with the kernels that matter replaced by SIMD ones that run on
 * all cores. Its float tensors lie on one shared heap; values made elsewhere are moved there when a fast kernel first needs them.
 */
export class SimdBackend extends MathBackendCPU {
  readonly heap: Heap;
  readonly pool: Pool;
  /** Zeros that never change, `ZEROS` floats of them: the bias of a convolution that has none. */
  readonly zeros: number;
  /** As many ones: the gate of a batch normalisation that has none. */
  readonly ones: number;
  /** Pixels in a register tile of this variant: accumulators of filter gradients are padded to it. */
  readonly rows: number;
  static readonly ZEROS = 16384;

  constructor(
    readonly variant: Variant,
    threads: number,
  ) {
    super();
    (this as unknown as { firstUse: boolean }).firstUse = false; // else the first tensor prints an advertisement
    this.rows = variant === 'fma' ? 6 : 5;
    this.heap = new Heap();
    this.pool = new Pool(this.heap, compile(variant), threads);
    this.zeros = this.heap.allocate(SimdBackend.ZEROS * 4);
    this.ones = this.heap.allocate(SimdBackend.ZEROS * 4);
    this.heap.floats(this.ones, SimdBackend.ZEROS).fill(1);
  }

  /** The address of a float tensor's values, moved to the heap if they are not there yet. */
  pointer(tensor: tf.TensorInfo): number {
    const data = this.dataOf(tensor.dataId);
    if (data.pointer === undefined) {
      const values = data.values as Float32Array;
      const pointer = this.heap.allocate(values.length * 4);
      const view = this.heap.floats(pointer, values.length);
      view.set(values);
      data.values = view;
      data.pointer = pointer;
    }
    return data.pointer;
  }

  /** The address of an optional tensor, or 0, which kernels read as "none". */
  pointerOrNull(tensor: tf.TensorInfo | undefined): number {
    return tensor === undefined ? 0 : this.pointer(tensor);
  }

  /** A new float tensor on the heap whose values nobody has written yet. */
  output(shape: readonly number[]): tf.TensorInfo {
    const n = tf.util.sizeFromShape(shape as number[]);
    const pointer = this.heap.allocate(n * 4);
    return this.adopt(pointer, shape);
  }

  /** Makes a block that already holds the values into a tensor. */
  adopt(pointer: number, shape: readonly number[]): tf.TensorInfo {
    const values = this.heap.floats(pointer, tf.util.sizeFromShape(shape as number[]));
    const dataId = super.write(values, shape as number[], 'float32');
    this.dataOf(dataId).pointer = pointer;
    return { dataId, shape: shape as number[], dtype: 'float32' };
  }

  /** Gives a tensor a block that is freed with it. */
  keepCompanion(tensor: tf.TensorInfo, pointer: number): void {
    this.dataOf(tensor.dataId).companion = pointer;
  }

  /** The block that a kernel kept with the tensor, if there is one. */
  companion(tensor: tf.TensorInfo): number | undefined {
    return this.dataOf(tensor.dataId).companion;
  }

  /** Notes that the values of each channel add up to zero, as every gradient does that went back through a normalisation. */
  markBalanced(tensor: tf.TensorInfo): void {
    this.dataOf(tensor.dataId).balanced = true;
  }

  isBalanced(tensor: tf.TensorInfo): boolean {
    return this.dataOf(tensor.dataId).balanced === true;
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

  /** Runs a kernel on all threads: see Pool.run. */
  run(kernel: string, items: number, args: readonly number[], options?: RunOptions): void {
    this.pool.run(kernel, items, args, options);
  }

  override write(values: Values, shape: number[], dtype: tf.DataType): DataId {
    // Some cpu kernels answer with a part of their input's array; on a heap that is reused, such a part must be copied.
    const aliases = values instanceof Float32Array && values.buffer === this.heap.memory.buffer;
    return super.write(aliases ? values.slice() : values, shape, dtype);
  }

  override readSync(dataId: DataId): Values {
    const data = this.dataOf(dataId);
    return data.pointer === undefined ? super.readSync(dataId) : (data.values as Float32Array).slice();
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const data = this.data.has(dataId) ? this.dataOf(dataId) : undefined;
    const gone = super.disposeData(dataId, force);
    if (gone && data?.pointer !== undefined) this.heap.free(data.pointer);
    if (gone && data?.companion !== undefined) this.heap.free(data.companion);
    return gone;
  }

  private dataOf(dataId: DataId): HeapData {
    return this.data.get(dataId);
  }
}
