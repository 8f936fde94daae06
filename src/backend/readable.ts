// Some backends (webgpu) give a tensor's values only asynchronously; code that reads values synchronously calls this
// first.
import * as tf from '@tensorflow/tfjs';

/** A backend that gives values only asynchronously. */
export interface RemoteBackend {
  /** Fetches the values of all existing tensors, so that `dataSync` finds them until they change. */
  fetchValues(): Promise<void>;
}

const remote = (): RemoteBackend | undefined => {
  const backend = tf.backend() as Partial<RemoteBackend>;
  return backend.fetchValues ? (backend as RemoteBackend) : undefined;
};

/**
 * Waits until `dataSync` gives the values of every tensor that exists now: call this before reading weights, masks or
 * an optimizer's state synchronously. Does nothing on backends whose values are always readable. Throws a UserError for
 * errors on the device.
 */
export async function readable(): Promise<void> {
  await remote()?.fetchValues();
}

/**
 * Runs `work`, which reads values that it computes: on the cpu backend if the active one gives values only
 * asynchronously.
 */
export function whereReadable<T>(work: () => T): T {
  if (!remote()) return work();
  const name = tf.getBackend();
  // Both backends are registered, so the change takes effect before setBackend returns its promise.
  void tf.setBackend('cpu');
  try {
    return work();
  } finally {
    void tf.setBackend(name);
  }
}

/** Returns a copy of the values of the tensor that `make` creates; the tensor is disposed. */
export function computedValues(make: () => tf.Tensor): Float32Array {
  return whereReadable(() => {
    const made = tf.tidy(make);
    const values = made.dataSync<'float32'>().slice();
    made.dispose();
    return values;
  });
}
