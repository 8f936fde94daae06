import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import type { RemoteBackend } from '../readable.js';
import type { AdapterInfo, Device } from './device.js';

type Id = object;

interface TensorData {
  values?: tf.BackendValues | null;
  dtype: tf.DataType;
  shape: number[];
}

/** The arguments that run a shader; if an output is given, the shader writes into it. */
type Program = [
  program: object,
  inputs: tf.TensorInfo[],
  dtype: tf.DataType,
  uniforms?: object,
  output?: tf.TensorInfo,
];

/** The parts of tfjs's WebGPUBackend that are used here. */
interface Original extends tf.KernelBackend {
  readonly device: Device;
  readonly tensorMap: tf.DataStorage<TensorData>;
  readonly commandEncoder: object | null;
  readonly commandQueueOwnedIds: WeakSet<Id>;
  read(id: Id): Promise<tf.BackendValues>;
  readSync(id: Id): tf.BackendValues;
  refCount(id: Id): number;
  incRef(id: Id): void;
  decRef(id: Id): void;
  disposeData(id: Id, force?: boolean): boolean;
  uploadToGPU(id: Id): void;
  runWebGPUProgram(...call: Program): tf.TensorInfo;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

export type OriginalClass = new (device: Device, info: AdapterInfo) => Original;

/** tfjs's WebGPU backend, made to report what went wrong. */
export interface WebgpuBackend extends Original, RemoteBackend {
  /** The first error, if any: nothing computed since can be trusted, and every read throws it. */
  fault?: UserError;
  /** Does the work of one operation, whose name the fault includes if the device rejects it. */
  watch<T>(operation: string, work: () => T): T;
}

/** A tf.DataStorage that also lists its keys. */
class ListedStorage extends tf.DataStorage<TensorData> {
  readonly ids = new Set<Id>();

  override set(id: Id, data: TensorData): void {
    this.ids.add(id);
    super.set(id, data);
  }

  override delete(id: Id): boolean {
    this.ids.delete(id);
    return super.delete(id);
  }
}

/**
 * Creates tfjs's backend for a device such that it never gives a wrong value: errors that WebGPU only reports (an
 * operation that exceeds the device's limits, no memory, a lost device) are thrown at the next read, and at every read
 * after it.
 */
export function checkedBackend(original: OriginalClass, device: Device, info: AdapterInfo): WebgpuBackend {
  return new (class extends original implements WebgpuBackend {
    fault?: UserError;
    override readonly tensorMap: ListedStorage;
    /** Resolves once the device has answered for all operations so far. */
    private answered: Promise<unknown> = Promise.resolve();

    constructor() {
      super(device, info);
      this.tensorMap = new ListedStorage(this, tf.engine());
      device.addEventListener('uncapturederror', ({ error }) => this.blame(error.message));
      void device.lost.then(({ reason, message }) => this.blame(`its device is lost (${reason}): ${message}`));
    }

    watch<T>(operation: string, work: () => T): T {
      device.pushErrorScope('validation');
      try {
        return work();
      } finally {
        const answer = device.popErrorScope().then(
          (error) => error && this.blame(error.message, operation),
          () => undefined, // the device is lost, which is reported separately
        );
        const before = this.answered;
        this.answered = answer.then(() => before);
      }
    }

    override async read(id: Id): Promise<tf.BackendValues> {
      this.incRef(id);
      const [read] = await Promise.allSettled([super.read(id), this.answered]);
      this.release(id);
      if (this.fault) throw this.fault;
      if (read.status === 'rejected') throw refusal((read.reason as Error).message, 'reading');
      return read.value;
    }

    override readSync(id: Id): tf.BackendValues {
      if (this.fault) throw this.fault;
      const { values, dtype, shape } = this.tensorMap.get(id);
      if (values || dtype === 'complex64' || dtype === 'string') return super.readSync(id);
      throw new UserError(
        `On the backend 'webgpu' the values of a tensor must be waited for, as 'await tensor.data()' does, but a tensor ` +
          `[${shape.join(', ')}] was read without waiting. Wait for them, or choose backend 'simd'.`,
      );
    }

    /** Values uploaded from the CPU stay readable beside their copy on the device. */
    override uploadToGPU(id: Id): void {
      const { values } = this.tensorMap.get(id);
      super.uploadToGPU(id);
      this.tensorMap.get(id).values = values;
    }

    override runWebGPUProgram(...call: Program): tf.TensorInfo {
      const result = super.runWebGPUProgram(...call);
      if (call[4]) this.tensorMap.get(result.dataId).values = null; // the shader wrote into it
      return result;
    }

    async fetchValues(): Promise<void> {
      this.submitRecorded();
      const remote = [...this.tensorMap.ids].filter((id) => {
        const { values, dtype } = this.tensorMap.get(id);
        return !values && dtype !== 'complex64' && dtype !== 'string';
      });
      await Promise.all(remote.map((id) => this.read(id)));
    }

    override disposeData(id: Id, force?: boolean): boolean {
      // Otherwise it would be deleted later, perhaps after it has come back from another backend.
      if (force && this.commandQueueOwnedIds.has(id)) this.submitRecorded();
      return super.disposeData(id, force);
    }

    /** Releases the tensor that a read held; if it was disposed meanwhile, it is deleted now. */
    private release(id: Id): void {
      if (this.refCount(id) > 1) this.decRef(id);
      else if (this.disposeData(id)) tf.engine().removeDataId(id, this);
    }

    /** Submits the recorded commands; tensors that were disposed meanwhile are then deleted. */
    private submitRecorded(): void {
      if (!this.commandEncoder) return;
      this.endComputePassEncoder();
      this.submitQueue();
    }

    override dispose(): void {
      this.submitRecorded(); // recorded commands need their buffers
      super.dispose();
    }

    private blame(message: string, operation?: string): void {
      this.fault ??= refusal(message, operation);
    }
  })();
}

function refusal(message: string, operation?: string): UserError {
  const reason = message.trim().replaceAll(/\s+/g, ' ').replace(/\.+$/, '');
  return new UserError(
    `The backend 'webgpu' failed${operation ? ` in ${operation}` : ''}: ${reason}. Results computed since then are withheld ` +
      `because they may be wrong. Choose backend 'simd'.`,
  );
}
