// One side of the comparison, in its own worker, in Node or in a page; it sleeps between its turns.
import type * as sparsebook from 'sparsebook/browser.js';

export interface Settings {
  backend: 'simd' | 'wasm' | 'cpu';
  threads: number;
  width: number;
  batch: number;
  /** The maximal number of training steps that will be requested. */
  steps: number;
}

/** A request: to get ready, or to take a turn. */
export type Job = Settings | 'train' | 'forward';

/** The milliseconds of a turn, or why there are none. */
export type Answer = { ms: number } | { error: string };

type Library = typeof sparsebook;

/**
 * Handles jobs with a gated GoogleNet and the trainer that notebooks use; `start` prepares one of TensorFlow.js's own
 * backends.
 */
export function contestant(library: Library, start: (settings: Settings) => Promise<unknown>) {
  let turns: Record<'train' | 'forward', () => Promise<void>>;

  async function prepare(settings: Settings): Promise<void> {
    const { backend, threads, width, batch, steps } = settings;
    if (backend === 'simd') await library.useBackend({ backend, threads });
    else await start(settings);
    const { tf } = library;
    const model = library.googleNet({ widthMultiplier: width, gates: { droprate_init: 0.05 } });
    const events = library.train({
      model,
      data: { train: library.syntheticImages(steps * batch, 1) },
      epochs: 1,
      batchSize: batch,
      optimizer: new library.AdamW({ lr: 1e-3, weight_decay: 1e-4 }),
      sparsifier: library.l0Sparsifier(model, { lambda_l0: 10 }),
      augment: [library.randomFlip, library.randomResizedCrop()],
    });
    turns = {
      async train() {
        for (;;) {
          const { value, done } = await events.next();
          if (done || value.type === 'end') throw new Error('the training ended');
          if (value.type === 'step') return;
        }
      },
      async forward() {
        const x = tf.zeros([batch, 32, 32, 3]);
        const y = model.predict(x, { batchSize: batch }) as InstanceType<Library['tf']['Tensor']>;
        await y.data();
        tf.dispose([x, y]);
      },
    };
  }

  return async (job: Job): Promise<Answer> => {
    try {
      const began = performance.now();
      await (typeof job === 'object' ? prepare(job) : turns[job]());
      return { ms: performance.now() - began };
    } catch (error) {
      return { error: (error as Error).message };
    }
  };
}
