import type * as sparsebook from 'sparsebook/browser.js';

export interface Trained {
  /** SHA-256 of the trained weights. */
  hash: string;
  losses: number[];
  /** What `useBackend` returned. */
  backend: string;
  threads: number;
}

/** Trains a gated GoogleNet of a quarter of the width for some steps, with its sparsifier and AdamW. */
export async function trainNarrow(library: typeof sparsebook, threads: number, steps = 4): Promise<Trained> {
  const info = await library.useBackend({ backend: 'simd', threads });
  const model = library.googleNet({ widthMultiplier: 0.25, gates: { droprate_init: 0.3 }, seed: 5 });
  const losses: number[] = [];
  for await (const event of library.train({
    model,
    data: { train: library.syntheticImages(32 * steps, 3) },
    epochs: 1,
    batchSize: 32,
    maxSteps: steps,
    optimizer: new library.AdamW({ lr: 1e-3, weight_decay: 1e-4 }),
    sparsifier: library.l0Sparsifier(model, { lambda_l0: 20 }),
    seed: 7,
  })) {
    if (event.type === 'step') losses.push(event.loss);
  }
  const weights = [...library.namedWeights(model)].map(([name, weight]) => {
    const { shape } = weight;
    return [name, { shape: shape as number[], values: weight.read().dataSync<'float32'>() }] as const;
  });
  const bytes = Uint8Array.from(library.encodeSafetensors(new Map(weights)));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const hash = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return { hash, losses, backend: info.description, threads: info.threads };
}
