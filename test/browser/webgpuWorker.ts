// Runs in a Web Worker of a page: trains on webgpu and on simd, and reports what training reported on each, or why it
// failed.
import * as sparsebook from 'sparsebook/browser';

export type WebgpuAnswer = { error: string } | { backend: string; webgpu: number[]; simd: number[] };

declare const addEventListener: (type: 'message', listener: () => void) => void;
declare const postMessage: (answer: WebgpuAnswer) => void;

async function told(backend: 'webgpu' | 'simd'): Promise<{ backend: string; losses: number[] }> {
  const { description } = await sparsebook.useBackend({ backend });
  const model = sparsebook.c3({ widthMultiplier: 0.1, seed: 5 });
  const losses: number[] = [];
  const images = sparsebook.syntheticImages(16, 3);
  for await (const event of sparsebook.train({
    model,
    data: { train: images, validation: images },
    epochs: 2,
    batchSize: 8,
    optimizer: new sparsebook.AdamW({ lr: 1e-3 }),
    sparsifier: sparsebook.magnitudeSparsifier(model, { plan: [{ epoch: 1, amount: 0.3 }] }),
    seed: 7,
  })) {
    if (event.type === 'step') losses.push(event.loss);
    if (event.type === 'epoch') losses.push(event.validation!.loss);
  }
  return { backend: description, losses };
}

addEventListener('message', () => {
  (async () => {
    const { backend, losses: webgpu } = await told('webgpu');
    return { backend, webgpu, simd: (await told('simd')).losses };
  })().then(postMessage, (error: Error) => postMessage({ error: error.stack ?? error.message }));
});
