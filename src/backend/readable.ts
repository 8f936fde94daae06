// Some backends (webgpu) give a tensor's values only to those who wait; what reads them at once asks here.
import * as tf from '@tensorflow/tfjs';

/** A backend that gives values only asynchronously. */
export interface RemoteBackend {
  /** Fetches the values of all tensors there are, so that `dataSync` finds them until they change. */
  fetchValues(): Promise<void>;
}

const remote = (): RemoteBackend | undefined => {
  const backend = tf.backend() as Partial<RemoteBackend>;
  return backend.fetchValues ? (backend as RemoteBackend) : undefined;
};

/**
 * Waits until `dataSync` gives the values of every tensor that there is now: to be called before what reads weights,
 * masks and memories at once. Does nothing on backends that always do. Throws a UserError for what went wrong on the
 * device.
 */
export async function readable(): Promise<void> {
  await remote()?.fetchValues();
}

/**
 * Does work that reads what it computes: on cpu where the backend gives values only asynchronously, else where all else
 * is computed.
 */
export function whereReadable<T>(work: () => T): T {
  if (!remote()) return work();
  const name = tf.getBackend();
  // Both are registered, so that the change is made before the promise is given back.
  void tf.setBackend('cpu');
  try {
    return work();
  } finally {
    void tf.setBackend(name);
  }
}

/** A copy of the values of a tensor that is made for them alone, and disposed. */
export function computedValues(make: () => tf.Tensor): Float32Array {
  return whereReadable(() => {
    const made = tf.tidy(make);
    const values = made.dataSync<'float32'>().slice();
    made.dispose();
    return values;
  });
}
