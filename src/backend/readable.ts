// Some backends (webgpu) give a tensor's values only asynchronously; code that reads them at once calls this first.
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
 * Waits until `dataSync` gives the values of every tensor that there is now: call this before weights, masks or an
 * optimizer's memory are read at once. Does nothing on backends that always do. Throws a UserError for what went wrong
 * on the device.
 */
export async function readable(): Promise<void> {
  await remote()?.fetchValues();
}

/**
 * Runs `work`, which reads what it computes: on the cpu backend where the active one gives values only asynchronously.
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
